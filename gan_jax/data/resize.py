"""Resizing of stored images; the project has no other."""

import numpy as np
from PIL import Image


def resize(images: np.ndarray, size: int) -> np.ndarray:
    """Square images of side `size` by Pillow's bicubic filter, antialiased if it shrinks.

    Each channel is resized separately, in uint8. Images of that size are returned unchanged.

    Args:
        images: uint8 [N, H, W, C].
        size: side of the result, >= 1.

    Returns:
        uint8 [N, size, size, C].
    """
    count, height, width, channels = images.shape
    if height == width == size:
        return images
    out = np.empty((count, size, size, channels), np.uint8)
    for n in range(count):
        for c in range(channels):
            plane = Image.fromarray(np.ascontiguousarray(images[n, :, :, c]))
            out[n, :, :, c] = plane.resize((size, size), Image.Resampling.BICUBIC)
    return out
