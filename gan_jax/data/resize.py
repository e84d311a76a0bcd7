"""Sizes of images, and resizing of stored images; the project has no other."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

Size = int | Sequence[int]  # the side of a square, or a height and a width


def pair(size: Size) -> tuple[int, int]:
    """Height and width of a size."""
    if isinstance(size, int):
        return size, size
    height, width = size
    return height, width


def shown_size(size: Size) -> str:
    """A size in words, '64x32' for a height of 64 and a width of 32."""
    height, width = pair(size)
    return f'{height}x{width}'


def as_config(size: Size) -> int | list[int]:
    """A size as a config has it: the side of a square, or [height, width]."""
    height, width = pair(size)
    return height if height == width else [height, width]


def flag_of(size: Size) -> str:
    """The value of --size for a size: '64', or '64x32'."""
    plain = as_config(size)
    return str(plain) if isinstance(plain, int) else shown_size(plain)


def window(shape: Sequence[int], size: Size) -> tuple[slice, slice]:
    """The rows and columns of the largest part in the middle that has the proportions of a size.

    Of a square size it is the largest square; sides are rounded to whole pixels.

    Args:
        shape: height and width of the whole.
        size: whose proportions the part has.
    """
    (height, width), (high, wide) = shape, pair(size)
    own_height = min(height, _divided(width * high, wide))
    own_width = min(width, _divided(height * wide, high))
    top, left = (height - own_height) // 2, (width - own_width) // 2
    return slice(top, top + own_height), slice(left, left + own_width)


def _divided(a: int, b: int) -> int:
    """a / b to the nearest whole number, but at least 1."""
    return max(1, (2 * a + b) // (2 * b))


def fitted(images: np.ndarray, size: Size) -> np.ndarray:
    """The middle of images [N, H, W, C] by `window`, resized by `resize`."""
    rows, columns = window(images.shape[1:3], size)
    return resize(images[:, rows, columns], size)


def resize(images: np.ndarray, size: Size) -> np.ndarray:
    """Images at another size by Pillow's bicubic filter, antialiased if it shrinks.

    Each channel is resized separately, in uint8. Images of that size are returned unchanged.

    Args:
        images: uint8 [N, H, W, C].
        size: of the result, from 1.

    Returns:
        uint8 [N, height, width, C].
    """
    count, *own, channels = images.shape
    height, width = pair(size)
    if own == [height, width]:
        return images
    out = np.empty((count, height, width, channels), np.uint8)
    for n in range(count):
        for c in range(channels):
            plane = Image.fromarray(np.ascontiguousarray(images[n, :, :, c]))
            out[n, :, :, c] = plane.resize((width, height), Image.Resampling.BICUBIC)
    return out
