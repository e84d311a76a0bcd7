"""Images that are drawn instead of read."""

from pathlib import Path

import numpy as np

from gan_jax.data import DataSet


def stripes(split: str, folder: Path, *, side: int = 16) -> DataSet:
    """Images with one bright column; the label tells its half."""
    rng = np.random.default_rng(split == 'test')
    columns = rng.integers(side, size=200)
    images = np.zeros((200, side, side, 1), np.uint8)
    images[np.arange(200), :, columns] = 255
    return DataSet(images, columns * 2 // side, 2, 'stripes', ('left', 'right'))
