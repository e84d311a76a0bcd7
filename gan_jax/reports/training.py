"""The training images of a run, for its report: of the run itself, or found by its config."""

from collections.abc import Callable, Collection
from pathlib import Path

from gan_jax.data import DataSet
from gan_jax.experiment import config
from gan_jax.experiment.earlier import completed
from gan_jax.experiment.setup import Setup, load_training
from gan_jax.reports import build
from gan_jax.reports.sections import Training
from gan_jax.run.choose_checkpoint import refuse_other_images
from gan_jax.run.trained_generator import IMAGES
from gan_jax.runtime import checkpoint, workdir
from gan_jax.runtime.digest import json_digest
from gan_jax.runtime.errors import UserError


def finder(allow: Collection[str] = (), data_dir: Path | None = None) -> Callable[[Path], Training]:
    """(workdir) -> the images that its run is trained on, or a sentence on why there are none.

    Images of a config from somebody else are shown only if a checkpoint knows their digest: the
    config could name any folder of this machine. Data sets are read once.

    Args:
        allow: packages whose code the config may name, as in `load.resolve`.
        data_dir: folder of the data set; None is the folder in the config.
    """
    known: dict[str, DataSet] = {}

    def found(folder: Path) -> Training:
        try:
            settings = completed(workdir.read_config(folder))
            saved = checkpoint.newest_metadata(folder / 'checkpoints') or {}
            if not isinstance(saved.get('data'), str):
                return 'there is no checkpoint yet, by which its images are known.'
            if wrong := config.part_faults(settings, IMAGES, ('data',), allow):
                return wrong[0]
            images = settings['data'] | ({} if data_dir is None else {'dir': str(data_dir)})
            key = json_digest(images)
            if key not in known:
                asked = {**settings, 'data': images}
                known[key] = load_training(asked, allow, data_dir).dataset
            refuse_other_images(folder, images['name'], known[key], saved)
        except UserError as error:
            return str(error).splitlines()[0]
        return known[key].images

    return found


def reporter(setup: Setup) -> Callable[[Path], None]:
    """(workdir) -> writes the report of a run under way; what goes wrong is a line, no error."""
    return lambda folder: build.write_or_say(
        folder, lambda: build.report([folder], lambda _: setup.dataset.images)
    )
