"""The workdir of a run on the disk, before its first step."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax import data
from gan_jax.data.dataset import evenly_spaced
from gan_jax.data.pictures.listing import HIDDEN
from gan_jax.data.sources import place_of
from gan_jax.experiment.setup import Setup
from gan_jax.exported.description import is_exported
from gan_jax.run import snapshots
from gan_jax.run.observe import GRID
from gan_jax.runtime import workdir
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.paths import shown
from gan_jax.sampling import pictures

# Names that schedulers and disks leave in a folder before a run begins in it.
USUAL = re.compile(r'\..*|.*\.(log|out|err|[oe]\d+)|lost\+found')


def refuse_unfit(folder: Path, settings: Mapping[str, Any]) -> None:
    """Refuses a workdir among its images, in an exported generator or over files of others.

    Args:
        folder: the workdir.
        settings: the resolved config of the run.

    Raises:
        UserError: it is one of these.
    """
    refuse_among_images(folder, settings['data'])
    refuse_in_exported(folder)
    refuse_over_others(folder, settings)


def refuse_among_images(folder: Path, asked: Mapping[str, Any]) -> None:
    """Refuses a workdir inside the folder of images that the run is trained on.

    The pictures that the run draws would join its own data set, and it could not be resumed. Hidden
    folders are allowed, since they are left out of a data set.

    Args:
        folder: the workdir.
        asked: the config's block `data`.

    Raises:
        UserError: the workdir lies there.
    """
    if not data.is_path(asked['name']):
        return
    place = place_of(asked['name'], asked['dir'])
    images, own = place.resolve(), folder.resolve()
    if not own.is_relative_to(images):
        return
    if not any(part.startswith(HIDDEN) for part in own.relative_to(images).parts):
        raise UserError(
            f'--workdir={folder} lies in {place}, whose images are trained on, and the pictures '
            'that the run draws would be of them: choose a folder outside'
        )


def refuse_in_exported(folder: Path) -> None:
    """Raises UserError if a workdir is an exported generator: both have a config.json."""
    if is_exported(folder):
        raise UserError(
            f'--workdir={folder} is an exported generator, and a run would write over its files: '
            'choose another folder; a run begins with its weights by --config.init.workdir'
        )


def refuse_over_others(folder: Path, settings: Mapping[str, Any]) -> None:
    """Refuses a workdir in which no run has begun, and where it would write over others' files.

    Args:
        folder: the workdir.
        settings: the resolved config of the run.

    Raises:
        UserError: there is such a file.
    """
    if workdir.is_begun(folder):
        return
    for path in (path for name in workdir.WRITTEN for path in sorted(folder.glob(name))):
        if not _may_be_written(path, settings):
            raise UserError(
                f'--workdir={folder} holds {path.name} and neither status.json nor a checkpoint '
                'of a run, which would write over it: choose a new or an empty folder'
            )


def others_in(folder: Path) -> str:
    """A sentence on the files of others in a workdir in which no run has begun; '' if none are.

    Hidden ones and the logs of a scheduler do not count.
    """
    if workdir.is_begun(folder) or not folder.is_dir():
        return ''
    others = {path.name for path in folder.iterdir()} - {*workdir.WRITTEN}
    found = min((name for name in others if not USUAL.fullmatch(name)), default='')
    own = 'the run writes its own beside them'
    return found and f'{folder} holds other files, such as {shown(found)}: {own}'


def _may_be_written(path: Path, settings: Mapping[str, Any]) -> bool:
    """True for an empty folder, the config of this very run, and links, which are refused later."""
    if path.is_symlink():
        return True
    if path.is_dir():
        return not any(path.iterdir())
    try:
        return path.name == 'config.json' and workdir.read_json(path) == settings
    except (OSError, ValueError):
        return False


def begin(folder: Path, setup: Setup, restored: int | None) -> None:
    """Writes what describes the run, and removes what it will write again.

    Args:
        folder: the workdir.
        setup: the setup of the run.
        restored: the step that it goes on from; None for a new run.
    """
    workdir.write_json(folder / 'config.json', setup.settings)
    if setup.subset is not None:
        workdir.write_json(folder / 'subset.json', setup.subset.tolist())
    draw_reals(folder, setup.dataset.images)
    if names := setup.dataset.class_names:
        workdir.write_json(folder / 'classes.json', dict(enumerate(names)))
    snapshots.forget_after(folder, restored or 0)
    if restored is None:  # best/0 of an earlier run with this workdir is of another initial state
        shutil.rmtree(folder / 'best' / '0', ignore_errors=True)


def draw_reals(folder: Path, images: np.ndarray) -> None:
    """Writes samples/real.png: training images as they are read, before augmentation, in a grid.

    Args:
        folder: the workdir.
        images: of the run, uint8 [N, H, W, C]; at most `GRID` of them are taken, evenly spaced.
    """
    (folder / 'samples').mkdir(exist_ok=True)
    some = np.asarray(evenly_spaced(images, min(GRID, len(images))))
    pictures.save(folder / 'samples' / 'real.png', pictures.grid(some))
