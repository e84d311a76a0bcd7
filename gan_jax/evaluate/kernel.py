"""Kernel distance between two sets of features, in float64 on the host.

"Demystifying MMD GANs" (Binkowski et al. 2018, arXiv 1801.01401, section 4): the squared maximum
mean discrepancy under the kernel (x·y / F + 1)³. Called KID only when the features are Inception's.
Unlike the Fréchet distance its estimate is unbiased: with few images it varies more, but its mean
is right.
"""

import numpy as np

from gan_jax.evaluate import rows

SUBSET = 1000  # rows of a subset in the public packages


def kid(
    x: np.ndarray,
    y: np.ndarray,
    *,
    subsets: int | None = None,
    subset_size: int | None = None,
    seed: int = 0,
) -> float:
    """The unbiased estimate of MMD² between the distributions that two sets are drawn from.

    Args:
        x: [N, F], any real type, N >= 2.
        y: [M, F], M >= 2.
        subsets: the number of pairs of random subsets to average over; None takes all rows once,
            which has the smallest variance.
        subset_size: rows of each subset, drawn without replacement; None is 1,000, or all that the
            smaller set has.
        seed: of the drawing.

    Returns:
        A float; its expectation is 0 for equal distributions, and it can be negative.

    Raises:
        ValueError: shapes that do not fit, numbers that are not finite, or subsets larger than a
            set.
    """
    x, y = rows.checked('x', x, least=2), rows.checked('y', y, least=2)
    rows.same_width(x, y)
    if subsets is None:
        if subset_size is not None:
            raise ValueError(f'subset_size is {subset_size} and subsets is None: give both')
        return _mmd(x, y)
    smaller = min(len(x), len(y))
    size = min(SUBSET, smaller) if subset_size is None else subset_size
    if subsets < 1 or not 2 <= size <= smaller:
        raise ValueError(
            f'give at least 1 subset of 2 to {smaller} rows, got {subsets} of {size}: '
            f'the sets have {len(x)} and {len(y)} rows'
        )
    rng = np.random.default_rng(seed)
    drawn = ([z[rng.choice(len(z), size, replace=False)] for z in (x, y)] for _ in range(subsets))
    return float(np.mean([_mmd(*pair) for pair in drawn]))


def _mmd(x: np.ndarray, y: np.ndarray) -> float:
    """MMD² by Binkowski et al., equation 4, which leaves out the diagonals, for they bias it."""
    n, m = len(x), len(y)
    within_x, within_y = _sum(x, x) - _diagonal(x), _sum(y, y) - _diagonal(y)
    return within_x / (n * (n - 1)) + within_y / (m * (m - 1)) - 2 * _sum(x, y) / (n * m)


def _sum(x: np.ndarray, y: np.ndarray) -> float:
    """Σ k(x_i, y_j) over all i and j."""
    return sum(float(_kernel(a @ b.T, x).sum()) for a in rows.blocks(x) for b in rows.blocks(y))


def _diagonal(x: np.ndarray) -> float:
    """Σ k(x_i, x_i)."""
    return sum(float(_kernel(np.einsum('nf,nf->n', a, a), x).sum()) for a in rows.blocks(x))


def _kernel(products: np.ndarray, x: np.ndarray) -> np.ndarray:
    return (products / x.shape[1] + 1) ** 3
