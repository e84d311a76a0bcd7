"""Still pictures and films as files in memory."""

import io
from collections.abc import Callable

import numpy as np
from PIL import features

from gan_jax.sampling.pictures import as_image

FRAME = 60  # milliseconds
SMALLEST = 256  # pixels: smaller images are enlarged by the largest factor that stays within this
LARGEST = 512  # pixels of a film: larger frames would be tens of megabytes


def enlarged(images: np.ndarray) -> np.ndarray:
    """Small images [..., H, W, C] enlarged by a whole factor, each pixel a square."""
    factor = max(1, SMALLEST // max(images.shape[-3:-1]))
    return images.repeat(factor, axis=-3).repeat(factor, axis=-2)


def png(image: np.ndarray) -> bytes:
    """A PNG of uint8 [H, W, C], C of 1 or 3, pixel by pixel."""
    return _saved(as_image(image).save, 'PNG')


def ending() -> str:
    """'webp', or 'gif' where this Pillow cannot write WebP."""
    return 'webp' if features.check('webp') else 'gif'


def film(images: np.ndarray, kind: str) -> bytes:
    """A film that plays forth and back without an end, of at most `LARGEST` pixels.

    Args:
        images: uint8 [N, H, W, C], C of 1 or 3, N >= 2.
        kind: 'webp', without loss, or 'gif', with 256 colours.
    """
    frames = [as_image(image) for image in enlarged(images)]
    for frame in frames:
        frame.thumbnail((LARGEST, LARGEST))
    frames += frames[-2:0:-1]
    options = dict(save_all=True, append_images=frames[1:], duration=FRAME, loop=0)
    if kind == 'webp':
        options |= dict(lossless=True, minimize_size=False)
    return _saved(frames[0].save, kind.upper(), **options)


def _saved(save: Callable, kind: str, **options) -> bytes:
    file = io.BytesIO()
    save(file, format=kind, **options)
    return file.getvalue()
