"""The training images that are nearest to a picture, by their pixels."""

from typing import NamedTuple

import numpy as np

from gan_jax.data.resize import resize

SIDE = 32  # larger images are compared at this side
BLOCK = 1024  # images in float32 at once


class Nearest(NamedTuple):
    """The nearest images, the nearest first.

    Attributes:
        rows: of the data set, int [K].
        distances: root mean square differences of the pixels in grey levels, float32 [K].
    """

    rows: np.ndarray
    distances: np.ndarray


def shrunk(images: np.ndarray) -> np.ndarray:
    """Images uint8 [N, H, W, C] as they are compared: square, of `SIDE` pixels if they are larger.

    Args:
        images: N of any number; of a file on the disk a block is read at a time.
    """
    if max(images.shape[1:3]) <= SIDE:
        return images
    blocks = range(0, len(images), BLOCK)
    return np.concatenate([resize(np.asarray(images[i : i + BLOCK]), SIDE) for i in blocks])


def nearest(table: np.ndarray, picture: np.ndarray, count: int) -> Nearest:
    """The images of the smallest distance to a picture.

    Args:
        table: uint8 [N, h, w, C], from `shrunk`.
        picture: uint8 [h, w, C], likewise.
        count: of images; at most N are there.
    """
    target = np.float32(picture).reshape(1, -1)
    parts = []
    for first in range(0, len(table), BLOCK):
        block = np.asarray(table[first : first + BLOCK], np.float32).reshape(-1, target.shape[1])
        parts.append(np.square(block - target).mean(axis=1))
    squares = np.concatenate(parts)
    rows = np.argsort(squares, kind='stable')[:count]
    return Nearest(rows, np.sqrt(squares[rows]))
