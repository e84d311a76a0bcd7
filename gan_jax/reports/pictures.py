"""Pictures of a page: frames of samples over time, and grids, small enough to be carried along."""

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from gan_jax.evaluate.rows import spaced
from gan_jax.runtime import files
from gan_jax.sampling.pictures import as_image, data_uri

FRAMES = 24  # pictures over time, at most
SIDE = 1024  # pixels of a picture, at most
PIXELS = 100_000_000  # of a file that is opened: a larger one would fill the memory
QUALITIES = (80, 60, 40)  # of WebP, tried one after another where it has to be smaller


class Frame(NamedTuple):
    """A picture that a page carries.

    Attributes:
        step: of the run.
        address: 'data:image/webp;base64,...'.
        width, height: in pixels.
    """

    step: int
    address: str
    width: int
    height: int


def frames(
    found: Sequence[tuple[int, Path]], room: int, most: int = FRAMES
) -> tuple[list[Frame], int]:
    """(frames of a run's pictures, the first and the last among them; how many are unreadable).

    Args:
        found: (step, file), ascending.
        room: bytes of all frames together, about.
        most: frames.
    """
    chosen = [found[i] for i in spaced(len(found), most)] if found else []
    made = [(step, read(path)) for step, path in chosen]
    sound = [(step, picture) for step, picture in made if picture is not None]
    each = room // max(1, len(sound))
    return [frame(picture, each, step) for step, picture in sound], len(made) - len(sound)


def read(path: Path) -> np.ndarray | None:
    """The picture in a file, uint8 [H, W, C] with C of 1 or 3; None if there is none."""
    # Pillow raises errors of many types for damaged files.
    with contextlib.suppress(Exception):
        with Image.open(io.BytesIO(files.read_plain(path)), formats=('PNG',)) as image:
            if image.width * image.height <= PIXELS:
                grey = image.mode in ('1', 'L', 'I;16')
                return np.atleast_3d(np.asarray(image.convert('L' if grey else 'RGB')))
    return None


def frame(picture: np.ndarray, room: int, step: int = 0) -> Frame:
    """A picture, uint8 [H, W, C], as WebP: without loss if it fits into `room` bytes.

    Else it loses quality, and then size.
    """
    image = as_image(picture)
    image.thumbnail((SIDE, SIDE))
    bytes_ = 3 * room // 4  # of base64
    content = _webp(image, lossless=True)
    for quality in QUALITIES:
        if len(content) > bytes_:
            content = _webp(image, quality=quality)
    while len(content) > bytes_ and min(image.size) > 64:
        image = image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
        content = _webp(image, quality=QUALITIES[0])
    return Frame(step, data_uri('webp', content), *image.size)


def _webp(image: Image.Image, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, 'WEBP', **options)
    return file.getvalue()
