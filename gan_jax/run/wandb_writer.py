"""Weights & Biases: the rows and pictures of a run, by `writers.wandb`.

    c.writers.wandb = dict(fn='gan_jax.run.wandb_writer.wandb', project='gans')

The package's own environment variables hold: `WANDB_MODE=offline` writes to `WANDB_DIR`, or
./wandb, for `wandb sync`. The id of the run is kept in the workdir, so that a resumed run goes on.
"""

import contextlib
import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.runtime import environment, files, workdir
from gan_jax.runtime.errors import MISSING, UserError
from gan_jax.runtime.writers import RunInfo, Writer

NAME = 'wandb.json'  # in the workdir


def wandb(
    run: RunInfo,
    project: str = '',
    entity: str = '',
    group: str = '',
    name: str = '',
    dir: str = '',
) -> Writer:
    """Sends each row with its step, each picture at the step that the package has reached.

    The package refuses steps before its last one. A run that goes on from a checkpoint writes some
    rows again: those that are there already are left out. Offline the package does not know them.

    Args:
        run: the run.
        project: '' is the package's choice, as are the next two.
        entity: user or team.
        group: of runs.
        name: '' is the name of the workdir.
        dir: folder of the package's files, which hold links, so that it must lie outside the
            workdir; '' is `WANDB_DIR`, else ./wandb.

    Raises:
        UserError: the package is not installed (66), or `dir` lies in the workdir.
    """
    package = _package()
    if dir and Path(dir).resolve().is_relative_to(run.folder.resolve()):
        raise UserError(
            f'config.writers: wandb would write links to dir={dir} in the workdir, which must not '
            'hold any: name a folder outside'
        )
    opened = package.init(
        project=project or None,
        entity=entity or None,
        group=group or None,
        name=name or run.folder.resolve().name,
        id=_kept(run.folder),
        resume='allow',
        config=dict(run.settings),
        allow_val_change=True,  # a resumed run may have more steps
        dir=dir or None,
        reinit='create_new',  # members of a population are open together
    )
    workdir.write_json(run.folder / NAME, {'id': opened.id})
    first = opened.step  # of what is not yet there

    def log(step: int, values: Mapping[str, Any]) -> None:
        if step >= first:
            opened.log(dict(values), step=max(step, opened.step))

    def write_images(step: int, images: Mapping[str, np.ndarray]) -> None:
        log(step, {n: [_image(package, x, step) for x in batch] for n, batch in images.items()})

    return Writer(
        write_scalars=log, write_images=write_images, write_texts=log, close=opened.finish
    )


def _image(package: Any, image: np.ndarray, step: int) -> Any:
    shown = image[:, :, 0] if image.shape[-1] == 1 else image
    return package.Image(shown, caption=f'step {step}')


def _package() -> Any:
    try:
        return importlib.import_module('wandb')
    except ModuleNotFoundError as error:
        raise UserError(
            'config.writers needs the package wandb, which is not installed: '
            f'{environment.install("wandb")}',
            MISSING,
        ) from error


def _kept(folder: Path) -> str | None:
    """The id of the run in a workdir; None where there is none, or it is damaged."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads(files.read_plain(folder / NAME))['id'])
    return None
