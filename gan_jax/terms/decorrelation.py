"""Self-supervision without negatives, on a projection of D's features for two views of each image.

Two augmented views of each real are compared over all reals, two of each fake over all fakes, never
one kind with the other; the two losses are summed into the discriminator's. The published losses
train encoders on reals, with projectors of 8,192 units; here they have `contrastive`'s head. No
paper gives them a weight in a GAN.
"""

import math

import jax
import jax.numpy as jnp
from jax.lax import Precision

from gan_jax.runtime.ranges import Scale, Units
from gan_jax.terms import Objective, Term
from gan_jax.terms.contrastive import VIEWS, ProjectionHead, unit_rows


def cross_correlation(a: jax.Array, b: jax.Array, off_diagonal: float | jax.Array) -> jax.Array:
    """Barlow Twins' loss (Zbontar et al. 2021, arXiv 2103.03230, eq. 1).

    sum_i (1 - C_ii)^2 + off_diagonal sum_{i != j} C_ij^2, with C [F, F] the correlations of the
    columns of both views over the batch. As in the authors' code columns are normalised as by
    BatchNorm, with the biased variance and 1e-5 added to it.

    Args:
        a: first views, [N, F].
        b: second views, [N, F].
        off_diagonal: weight of the second sum, > 0.

    Returns:
        The loss, [].
    """
    a, b = _standardised(a), _standardised(b)
    c = jnp.matmul(a.T, b, precision=Precision.HIGHEST) / len(a)  # [F, F]
    itself = jnp.eye(len(c), dtype=c.dtype)
    return jnp.sum((itself + (1 - itself) * off_diagonal) * (itself - c) ** 2)


def variance_covariance(
    a: jax.Array,
    b: jax.Array,
    invariance: float | jax.Array,
    variance: float | jax.Array,
    covariance: float | jax.Array,
) -> jax.Array:
    """VICReg's loss (Bardes et al. 2022, arXiv 2105.04906, eq. 6), as the authors' code has it.

    invariance mean (a - b)^2, and of both views the mean of variance mean_f max(0, 1 - std_f) and
    the sum of covariance sum_{f != g} cov_fg^2 / F, with std_f the root of a column's unbiased
    variance plus 1e-4.

    Args:
        a: first views, [N, F].
        b: second views, [N, F].
        invariance: weight of the squared difference.
        variance: weight of the hinge of standard deviations.
        covariance: weight of the covariances.

    Returns:
        The loss, [].

    Raises:
        ValueError: there are not two rows.
    """
    _check_rows(a)
    spread, shared = zip(*(_moments(x) for x in (a, b)), strict=True)
    return (
        invariance * jnp.mean((a - b) ** 2)
        + variance * (spread[0] + spread[1]) / 2
        + covariance * (shared[0] + shared[1])
    )


def decoupled_uniformity(a: jax.Array, b: jax.Array) -> jax.Array:
    """Decoupled uniformity (Dufumier et al. 2023, arXiv 2206.01646), for two views.

    log of the mean over pairs i != j of exp(-|m_i - m_j|^2), where m is the mean of the unit
    vectors of an image's two views; m itself is not normalised. Views that agree lengthen m, so the
    loss needs no term for their alignment.

    Args:
        a: first views, [N, F].
        b: second views, [N, F].

    Returns:
        The loss, [].

    Raises:
        ValueError: there are not two rows.
    """
    _check_rows(a)
    m = (unit_rows(a) + unit_rows(b)) / 2
    square = jnp.sum(m * m, axis=1)
    products = jnp.matmul(m, m.T, precision=Precision.HIGHEST)
    distance = square[:, None] + square[None] - 2 * products  # [N, N], squared
    itself = jnp.eye(len(m), dtype=bool)
    pairs = len(m) * (len(m) - 1)
    return jax.nn.logsumexp(jnp.where(itself, -jnp.inf, -distance)) - math.log(pairs)


def barlow_twins(off_diagonal: Scale = 0.0051, *, hidden: Units = 128, size: Units = 128) -> Term:
    """Barlow Twins (Zbontar et al. 2021, arXiv 2103.03230) on D's features.

    L = `cross_correlation` of two augmented views of the reals, and of the fakes, for the
    discriminator.
    Parts: 'real', 'fake'.

    Args:
        off_diagonal: the paper's lambda.
        hidden: units of the head's hidden layer.
        size: units of its output; the loss grows with them.
    """

    def compare(a, b):
        return cross_correlation(a, b, off_diagonal), {}

    return _term(compare, hidden, size)


def vicreg(
    invariance: Scale = 25.0,
    *,
    variance: Scale = 25.0,
    covariance: Scale = 1.0,
    hidden: Units = 128,
    size: Units = 128,
) -> Term:
    """VICReg (Bardes et al. 2022, arXiv 2105.04906) on D's features.

    L = `variance_covariance` of two augmented views of the reals, and of the fakes, for the
    discriminator. The three weights are the paper's.
    Parts: 'real', 'fake'.

    Args:
        invariance: the paper's lambda, of the views' squared difference.
        variance: its mu, of the hinge of standard deviations.
        covariance: its nu, of the covariances.
        hidden: units of the head's hidden layer.
        size: units of its output.
    """

    def compare(a, b):
        return variance_covariance(a, b, invariance, variance, covariance), {}

    return _term(compare, hidden, size)


def uniformity(*, hidden: Units = 128, size: Units = 128) -> Term:
    """Decoupled uniformity (Dufumier et al. 2023, arXiv 2206.01646) on D's features.

    L = `decoupled_uniformity` of two augmented views of the reals, and of the fakes, for the
    discriminator. Reported but not trained is the alignment of the views, E |e_1 - e_2|^2 of the
    unit vectors (Wang & Isola 2020, arXiv 2005.10242): 'alignment_real', 'alignment_fake'.
    Parts: 'real', 'fake'.

    Args:
        hidden: units of the head's hidden layer.
        size: units of its output.
    """

    def compare(a, b):
        apart = jnp.sum((unit_rows(a) - unit_rows(b)) ** 2, axis=1)
        return decoupled_uniformity(a, b), {'alignment': jnp.mean(apart)}

    return _term(compare, hidden, size)


def _term(compare, hidden, size):
    """The discriminator's term of (a, b) -> (loss, reports) on each kind of image."""

    def d(out, state, key):
        parts, metrics = {}, {}
        for source in ('real', 'fake'):
            a, b = (out[f'{source}_{i}']['head']['projection'] for i in (1, 2))
            parts[source], reports = compare(a, b)
            for name, value in reports.items():
                metrics[f'{name}_{source}'] = value
        return parts, state, metrics

    return Term(d=Objective(VIEWS, d), head=ProjectionHead(hidden, size))


def _standardised(x):
    """The columns of x [N, F] with mean 0 and variance 1."""
    centred = x - jnp.mean(x, axis=0)[None]
    return centred * jax.lax.rsqrt(jnp.mean(centred**2, axis=0) + 1e-5)[None]


def _moments(x):
    """VICReg's hinge of the deviations of x [N, F], and its sum of squared covariances, [] each."""
    centred = x - jnp.mean(x, axis=0)[None]
    covariance = jnp.matmul(centred.T, centred, precision=Precision.HIGHEST) / (len(x) - 1)
    itself = jnp.eye(len(covariance), dtype=bool)
    deviation = jnp.sqrt(jnp.diagonal(covariance) + 1e-4)
    spread = jnp.mean(jax.nn.relu(1 - deviation))
    return spread, jnp.sum(jnp.where(itself, 0, covariance) ** 2) / len(covariance)


def _check_rows(x):
    if len(x) < 2:
        raise ValueError(f'this loss compares images: it needs two or more, and has {len(x)}')
