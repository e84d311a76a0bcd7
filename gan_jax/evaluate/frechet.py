"""Fréchet distance between two sets of features, in float64 on the host.

"GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium" (Heusel et al.,
2017, equation 6); called FID only when the features are Inception's. In float32 the result is
worthless: the trace term is a small difference of large numbers.
"""

import itertools
from collections.abc import Iterable

import numpy as np

from gan_jax.evaluate import rows

Moments = tuple[np.ndarray, np.ndarray]  # mean [F], covariance [F, F]


def moments(features: np.ndarray) -> Moments:
    """Mean and unbiased covariance (divided by N - 1) of the rows.

    Args:
        features: [N, F], any real type, N >= 2.

    Returns:
        (mean [F], covariance [F, F]), float64.

    Raises:
        ValueError: another shape, fewer than two rows, or numbers that are not finite.
    """
    return streamed([rows.checked('features', features, least=2)])


def streamed(batches: Iterable[np.ndarray]) -> Moments:
    """The moments of rows that come in batches and need not fit in memory together.

    Batches are merged one after the other by the pairwise formulas of "Updating Formulae and a
    Pairwise Algorithm for Computing Sample Variances" (Chan, Golub and LeVeque 1979), which lose no
    digits to a large mean, as sums of squares do.

    Args:
        batches: [n, F] each, n >= 1, with at least two rows in all.

    Raises:
        ValueError: fewer than two rows.
    """
    count, mean, scatter = 0, 0.0, 0.0
    for batch in itertools.chain.from_iterable(rows.blocks(one) for one in batches):
        own = batch.mean(axis=0)
        centred, shift = batch - own, own - mean
        weight = len(batch) / (count + len(batch))
        scatter = scatter + centred.T @ centred + np.outer(shift, shift) * (count * weight)
        mean, count = mean + shift * weight, count + len(batch)
    if count < 2:
        raise ValueError(f'moments need at least two rows, got {count}')
    return mean, scatter / (count - 1)


def distance(moments_a: Moments, moments_b: Moments) -> float:
    """Squared Fréchet distance |μ_a - μ_b|² + Tr(Σ_a + Σ_b - 2 (Σ_a^½ Σ_b Σ_a^½)^½).

    Args:
        moments_a: (mean [F], covariance [F, F], symmetric and positive semi-definite); the rank may
            be lower than F, as it is for fewer than F + 1 images.
        moments_b: the same of the other set; the distance is symmetric.

    Returns:
        A float, >= 0 up to rounding.

    Raises:
        ValueError: shapes that do not fit, or numbers that are not finite.
    """
    (mean_a, cov_a), (mean_b, cov_b) = _checked('a', moments_a), _checked('b', moments_b)
    if mean_a.shape != mean_b.shape:
        raise ValueError(f'one set has {len(mean_a)} features, the other {len(mean_b)}')
    # With M = Σ_a^½ Σ_b^½ the trace of (M Mᵀ)^½ is the sum of M's singular values. Taking them from
    # M itself keeps half of the digits that the eigenvalues of M Mᵀ lose to the square root.
    cross = np.linalg.svd(_root(cov_a) @ _root(cov_b), compute_uv=False).sum()
    shift = mean_a - mean_b
    return float(shift @ shift + np.trace(cov_a) + np.trace(cov_b) - 2 * cross)


def _root(cov: np.ndarray) -> np.ndarray:
    """The symmetric square root, [F, F], of a positive semi-definite matrix [F, F]."""
    values, vectors = np.linalg.eigh(cov)
    # What lies below the rounding of eigh is zero (NumPy's rule for the rank of a matrix): its root
    # would be 1e-8 of the largest one instead of 1e-16.
    values[values < values[-1] * len(cov) * np.finfo(np.float64).eps] = 0
    return (vectors * np.sqrt(values)) @ vectors.T


def _checked(name: str, pair: Moments) -> Moments:
    mean, cov = (np.asarray(part, np.float64) for part in pair)
    if mean.ndim != 1 or cov.shape != (len(mean), len(mean)):
        raise ValueError(
            f'moments_{name} must be a mean [F] and a covariance [F, F], '
            f'got shapes {mean.shape} and {cov.shape}'
        )
    _require_finite(f'moments_{name}', mean, cov)
    return mean, cov


def _require_finite(name: str, *arrays: np.ndarray) -> None:
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError(f'{name} must be finite, got NaN or infinity')
