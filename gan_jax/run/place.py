"""The place of a workdir on the disk."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_jax import data
from gan_jax.data.pictures.listing import HIDDEN
from gan_jax.data.sources import place_of
from gan_jax.runtime.errors import UserError


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
