"""Distances between rows of features, all or the nearest: block by block, in float64."""

from collections.abc import Callable, Iterator

import numpy as np

from gan_jax.evaluate import rows


def middle(x: np.ndarray) -> np.ndarray:
    """[F]: the median of each feature over the first rows of [N, F]; of two the upper one.

    It is subtracted from both sets, which does not change distances, and near 0 they keep more
    digits. It is one of the values, so that whole numbers stay whole: their distances are exact,
    and so are their ties.
    """
    first = np.asarray(x[: rows.BLOCK], np.float64)
    half = len(first) // 2
    return np.partition(first, half, axis=0)[half]


def nearest(
    x: np.ndarray, centre: np.ndarray, k: int, tick: Callable[[], object] = lambda: None
) -> np.ndarray:
    """Squared distances from each row to the k nearest others, [N, k], in any order.

    Args:
        x: [N, F], N > k.
        centre: [F], near the rows, see `middle`.
        k: neighbours, the row itself not counted.
        tick: called after each block of distances.
    """
    found = np.full((len(x), k), np.inf)
    for i, j, squared in distances(x, x, centre, tick):
        if i == j:
            np.fill_diagonal(squared, np.inf)  # a row is not its own neighbour
        both = np.concatenate([found[i], squared], axis=1)
        found[i] = np.partition(both, k - 1, axis=1)[:, :k]
    return found


def distances(
    x: np.ndarray, y: np.ndarray, centre: np.ndarray, tick: Callable[[], object]
) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """(rows i of x, rows j of y, |x_i - y_j|² [len(i), len(j)]), block by block."""
    for a, i in _centred(x, centre):
        for b, j in _centred(y, centre):
            yield i, j, rows.squared_distances(a, b)
            tick()


def _centred(x: np.ndarray, centre: np.ndarray) -> Iterator[tuple[np.ndarray, slice]]:
    first = 0
    for block in rows.blocks(x):
        yield block - centre, slice(first, first + len(block))
        first += len(block)
