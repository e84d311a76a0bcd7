"""Matrices of features: checks, and float64 blocks of rows that keep large sets within memory."""

from collections.abc import Iterator

import numpy as np

BLOCK = 2048  # rows at once: 33 MB of float64 for 2,048 features, and as much for their products


def checked(name: str, x: np.ndarray, *, least: int) -> np.ndarray:
    """`x` as it is, if it is [N, F] with at least `least` rows of finite real numbers.

    Raises:
        ValueError: it is not.
    """
    x = np.asarray(x)
    if x.ndim != 2 or len(x) < least:
        raise ValueError(f'{name} must be [N, F] with N >= {least}, got shape {x.shape}')
    if not all(np.isfinite(block).all() for block in blocks(x)):
        raise ValueError(f'{name} must be finite, got NaN or infinity')
    return x


def same_width(x: np.ndarray, y: np.ndarray) -> None:
    """Raises ValueError unless both sets have the same number of features."""
    if x.shape[1] != y.shape[1]:
        raise ValueError(f'one set has {x.shape[1]} features, the other {y.shape[1]}')


def spaced(size: int, most: int) -> np.ndarray:
    """The indices of at most `most` of `size` rows, evenly spaced.

    The first rows of a data set may all be of one class.
    """
    return np.linspace(0, size - 1, min(most, size)).astype(int)


def halves(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first, third, ... and the second, fourth, ... rows of x, as many of both.

    A data set is often sorted by class: both halves have about as many rows of each.
    """
    count = len(x) // 2
    return x[0::2][:count], x[1::2][:count]


def blocks(x: np.ndarray) -> Iterator[np.ndarray]:
    """The rows of x, [N, F], in order: float64 [<= BLOCK, F] at a time."""
    for first in range(0, len(x), BLOCK):
        yield np.asarray(x[first : first + BLOCK], np.float64)


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a_i - b_j|², float64 [n, m], of rows [n, F] and [m, F] that lie around the origin.

    Computed from lengths and products, which is fast, but loses digits if points lie far from the
    origin and near each other.
    """
    lengths = np.sum(a * a, axis=1)[:, None] + np.sum(b * b, axis=1)
    return np.maximum(lengths - 2 * a @ b.T, 0)
