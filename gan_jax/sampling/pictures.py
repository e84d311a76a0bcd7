"""Grids of images as PNG files, and pictures for Pillow and for pages."""

import base64
import math
from pathlib import Path

import numpy as np
from PIL import Image

from gan_jax.runtime.files import atomic_path

SMALLEST = 48  # pixels; smaller images are enlarged by the largest factor that stays within this
GAP = 1  # pixels between images, before they are enlarged
GREY = 128


def grid(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Images in rows with grey lines between them; small images are enlarged by a whole factor.

    Args:
        images: uint8 [N, H, W, C], C of 1 or 3.
        columns: images in a row; by default the grid is about square.

    Returns:
        uint8 [(rows * (H + 1) - 1) * f, (columns * (W + 1) - 1) * f, C]; places without an image
        are grey.
    """
    n, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    tiles = np.full((rows * columns, height + GAP, width + GAP, channels), GREY, np.uint8)
    tiles[:n, :height, :width] = images
    tiles = tiles.reshape(rows, columns, *tiles.shape[1:]).swapaxes(1, 2)
    picture = tiles.reshape(rows * (height + GAP), columns * (width + GAP), channels)
    picture = picture[:-GAP, :-GAP]
    factor = max(1, SMALLEST // max(height, width))
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def save(path: Path, picture: np.ndarray) -> None:
    """Writes uint8 [H, W, C], C of 1 or 3, as a PNG, atomically."""
    with atomic_path(path) as partial:
        as_image(picture).save(partial, format='PNG')


def as_image(picture: np.ndarray) -> Image.Image:
    """Pillow's image of uint8 [H, W, C], C of 1 or 3."""
    return Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)


def data_uri(kind: str, content: bytes) -> str:
    """The content of an image file, 'png' or 'webp', as an address that an HTML page carries."""
    return f'data:image/{kind};base64,{base64.b64encode(content).decode()}'


def ungrid(picture: np.ndarray, size: int) -> np.ndarray | None:
    """The images of a `grid`, in their order, with the grey places of the last row.

    Args:
        picture: uint8 [R, S, C].
        size: pixels of an image's side, at least 1.

    Returns:
        uint8 [N, size, size, C]; None if the picture is no grid of such images.
    """
    factor = max(1, SMALLEST // size)
    small = picture[::factor, ::factor]
    high, wide = small.shape[0] + GAP, small.shape[1] + GAP
    exact = picture.shape[:2] == (small.shape[0] * factor, small.shape[1] * factor)
    if not exact or high % (size + GAP) or wide % (size + GAP):
        return None
    padded = np.pad(small, ((0, GAP), (0, GAP), (0, 0)))
    tiles = padded.reshape(high // (size + GAP), size + GAP, wide // (size + GAP), size + GAP, -1)
    tiles = tiles.swapaxes(1, 2)[:, :, :size, :size]
    return tiles.reshape(-1, size, size, picture.shape[-1])
