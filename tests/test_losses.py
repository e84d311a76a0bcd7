"""The losses as functions: the numbers of the terms, worked out by hand."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses
from gan_jax.terms import contrastive

REAL = np.array([0.5, 2.0, -1.0], np.float32)
FAKE = np.array([-2.0, 0.25, 1.0], np.float32)


def softplus(*x):
    return np.log1p(np.exp(x)).mean()


@pytest.mark.parametrize(
    ('loss', 'inputs', 'expected'),
    [
        ('hinge_d', (REAL, FAKE), 2.5 / 3 + 3.25 / 3),
        ('hinge_g', (FAKE,), 0.25),
        ('non_saturating_d', (REAL, FAKE), softplus(-0.5, -2, 1) + softplus(-2, 0.25, 1)),
        ('non_saturating_g', (FAKE,), softplus(2, -0.25, -1)),
        ('wasserstein_d', (REAL, FAKE), -0.25 - 0.5),
        ('wasserstein_g', (FAKE,), 0.25),
        ('least_squares_d', (REAL, FAKE), 5.25 / 6 + 5.0625 / 6),
        ('least_squares_g', (FAKE,), 9.5625 / 6),
        ('relativistic_d', (REAL, FAKE), softplus(-2.5, -1.75, 2)),
        ('relativistic_g', (REAL, FAKE), softplus(2.5, 1.75, -2)),
        ('cr', (REAL, FAKE), (2.5**2 + 1.75**2 + 2**2) / 3),
        ('bcr', (REAL, FAKE, REAL, REAL + 2), (2.5**2 + 1.75**2 + 2**2) / 3 + 4),
        ('zcr_d', (REAL, REAL - 3), 9),
        # Images in [0, 1] are twice as far apart in [-1, 1].
        ('zcr_g', (np.zeros((2, 4, 4, 1)), np.full((2, 4, 4, 1), 0.25)), -0.25),
        ('r1', (np.full((2, 2, 2, 1), 0.5, np.float32),), 0.5),
        ('gradient_penalty', (np.full((2, 2, 2, 1), 1.5, np.float32),), 4),
    ],
)
def test_the_number_is_the_papers(loss, inputs, expected):
    found = getattr(losses, loss)(*map(jnp.float32, inputs))
    assert found.shape == ()
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_bcr_moves_both_sides_of_each_pair():
    gradients = jax.grad(losses.bcr, range(4))(*map(jnp.float32, (REAL, FAKE, FAKE, REAL)))
    expected = 2 * (REAL - FAKE) / 3
    for found, sign in zip(gradients, (1, -1, -1, 1), strict=True):
        np.testing.assert_allclose(found, sign * expected, rtol=1e-5)


@pytest.mark.parametrize('loss', ['cr', 'zcr_d', 'zcr_g', 'relativistic_d', 'relativistic_g'])
def test_pairs_that_would_be_broadcast_are_refused(loss):
    with pytest.raises(ValueError, match=r'give two arrays of one shape, not \(3,\) and \(3, 1\)'):
        getattr(losses, loss)(jnp.zeros(3), jnp.zeros((3, 1)))


def test_bcr_refuses_either_pair():
    good, bad = jnp.zeros(3), jnp.zeros((3, 1))
    for logits in ((good, bad, good, good), (good, good, good, bad)):
        with pytest.raises(ValueError, match='this loss compares pairs'):
            losses.bcr(*logits)


def test_what_is_offered_is_the_terms_own_and_documented():
    assert losses.nt_xent is contrastive.nt_xent
    for name in losses.__all__:
        assert inspect.getdoc(getattr(losses, name))
