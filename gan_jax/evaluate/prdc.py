"""Precision, recall, density and coverage of two sets of features, in float64 on the host.

A set's manifold is the union of balls around its points, each with the distance to the k-th nearest
neighbour as its radius. Two definitions are in use, and both are here under their own names:

| function | k | a point on the ball's surface | source |
|---|---|---|---|
| `precision_recall` | 3 | is in | Kynkäänniemi et al. 2019, arXiv 1904.06991, equations 1 and 2 |
| `prdc` | 5 | is out | Naeem et al. 2020, arXiv 2002.09797, sections 2.2 and 3, their code |

Memory besides the features is a few blocks; there is no N × M matrix.
"""

import itertools
from collections.abc import Callable

import numpy as np

from gan_jax.evaluate import neighbours, rows

Progress = Callable[[int, int], object]  # (blocks of distances done, blocks in all)


def precision_recall(
    real: np.ndarray, fake: np.ndarray, *, k: int = 3, progress: Progress = lambda *_: None
) -> dict[str, float]:
    """Improved precision and recall.

    Args:
        real: [N, F], any real type, N > k.
        fake: [M, F], M > k.
        k: the neighbour that the balls reach to, the point itself not counted.
        progress: told of each block of distances, such as the update of a progress bar.

    Returns:
        {'precision': the share of `fake` in a ball of `real`, 'recall': the converse}, in [0, 1].

    Raises:
        ValueError: shapes that do not fit, numbers that are not finite, or sets of no more than k.
    """
    found = _compare(real, fake, k, progress, np.less_equal)
    return {name: found[name] for name in ('precision', 'recall')}


def prdc(
    real: np.ndarray, fake: np.ndarray, *, k: int = 5, progress: Progress = lambda *_: None
) -> dict[str, float]:
    """Precision, recall, density and coverage.

    Args:
        real: [N, F], any real type, N > k.
        fake: [M, F], M > k.
        k: the neighbour that the balls reach to, the point itself not counted.
        progress: told of each block of distances, such as the update of a progress bar.

    Returns:
        {'precision': the share of `fake` in a ball of `real`, 'recall': the converse, 'density':
        the number of real balls that a fake lies in, over k, on average (not bounded by 1),
        'coverage': the share of real balls with a fake in them}.

    Raises:
        ValueError: shapes that do not fit, numbers that are not finite, or sets of no more than k.
    """
    return _compare(real, fake, k, progress, np.less)


def _compare(
    real: np.ndarray, fake: np.ndarray, k: int, progress: Progress, within: np.ufunc
) -> dict[str, float]:
    if k < 1:
        raise ValueError(f'k must be at least 1, got {k}')
    real, fake = rows.checked('real', real, least=k + 1), rows.checked('fake', fake, least=k + 1)
    rows.same_width(real, fake)
    centre = neighbours.middle(real)
    n, m = (-(-len(z) // rows.BLOCK) for z in (real, fake))
    done = itertools.count(1)

    def tick():
        progress(next(done), n * n + m * m + n * m)

    of_real, of_fake = (
        neighbours.nearest(z, centre, k, tick).max(axis=1) for z in (real, fake)
    )  # squared radii

    balls_of = np.zeros(len(fake), np.int64)  # real balls that each fake lies in
    recalled, covered = np.zeros(len(real), bool), np.zeros(len(real), bool)
    for i, j, squared in neighbours.distances(real, fake, centre, tick):
        in_real = within(squared, of_real[i, None])
        balls_of[j] += in_real.sum(axis=0)
        covered[i] |= in_real.any(axis=1)
        recalled[i] |= within(squared, of_fake[None, j]).any(axis=1)
    return {
        'precision': float(np.mean(balls_of > 0)),
        'recall': float(np.mean(recalled)),
        'density': float(np.mean(balls_of) / k),
        'coverage': float(np.mean(covered)),
    }
