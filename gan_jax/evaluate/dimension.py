"""The dimension of features: of the space that they fill, and of the surface that they lie on."""

import itertools

import numpy as np

from gan_jax.evaluate import neighbours, rows
from gan_jax.runtime.progress import ProgressFn

NEIGHBOURS = 20
VERSION = 1  # of both numbers, for their protocols
SAME = 1e-12  # squared distances below this part of the largest squared length are rounding


def effective_rank(x: np.ndarray) -> float:
    """exp(H(p)) of the shares p of the singular values in their sum, of centred rows.

    "The Effective Rank: A Measure of Effective Dimensionality" (Roy and Vetterli 2007). The mean is
    taken away first, since what all rows have in common tells none apart; the paper does not.

    Args:
        x: [N, F], any real type, N >= 2.

    Returns:
        A float in [1, min(N - 1, F)]: the number of directions, if rows spread evenly over them; 0
        if all rows are alike, to the rounding of float32.

    Raises:
        ValueError: another shape, or numbers that are not finite.
    """
    x = np.asarray(rows.checked('x', x, least=2), np.float64)
    values = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    values = values[values > np.finfo(np.float32).eps * np.linalg.norm(x)]
    share = values / values.sum()
    return float(np.exp(-np.sum(share * np.log(share)))) if len(values) else 0.0


def intrinsic_dimension(
    x: np.ndarray, *, k: int = NEIGHBOURS, progress: ProgressFn = lambda *_: None
) -> float:
    """The mean over rows of the local intrinsic dimension (LID), by maximum likelihood.

    "Maximum Likelihood Estimation of Intrinsic Dimension" (Levina and Bickel 2004, equations 8 and
    9): (k - 1) / Σ log(T_k / T_j) of the distances T_1 <= ... <= T_k to the nearest rows. Its mean
    is (k - 1) / (k - 2) of the dimension. "Estimating Local Intrinsic Dimensionality" (Amsaleg et
    al. 2015, equation 13) has k in place of k - 1. A row that lies on another has dimension 0.

    Args:
        x: [N, F], any real type, N > k.
        k: neighbours, the row itself not counted; at least 2.
        progress: told of each block of distances.

    Raises:
        ValueError: another shape, numbers that are not finite, or no more than k rows.
    """
    if k < 2:
        raise ValueError(f'k must be at least 2, got {k}')
    x = rows.checked('x', x, least=k + 1)
    centre = neighbours.middle(x)
    blocks, done = -(-len(x) // rows.BLOCK), itertools.count(1)

    def tick():
        progress(next(done), blocks**2)

    squared = np.sort(neighbours.nearest(x, centre, k, tick), axis=1)
    longest = max(float(((block - centre) ** 2).sum(axis=1).max()) for block in rows.blocks(x))
    apart = squared[squared[:, 0] > SAME * longest]
    logs = np.log(apart[:, -1:] / apart[:, :-1]).sum(axis=1) / 2
    local = np.divide(k - 1, logs, out=np.full_like(logs, np.inf), where=logs > 0)
    return float(local.sum() / len(x))
