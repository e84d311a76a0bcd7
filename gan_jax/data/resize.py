"""The one way in which this project changes the size of stored images."""

import numpy as np
from PIL import Image


def resize(images: np.ndarray, size: int) -> np.ndarray:
    """Square images of side `size` by Pillow's bicubic filter, antialiased where it shrinks.

    Each channel is resized by itself, in uint8. Images that have that size already come back
    untouched.

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
