"""Bins, values and gradient of random quantisation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan_jax.augment import ops, quantisation
from tests import small
from tests.augment.exact import distance
from tests.augment.ramps import LIKELY
from tests.augment.references.quantisation import random_quantisation
from tests.small import new_key

OP = ops.random_quantisation


@pytest.mark.slow
def test_is_its_reference_in_float64(x64):
    assert distance(OP, random_quantisation) < 1e-12


@pytest.mark.slow
def test_the_reference_rejects_another_number_of_bins(x64, monkeypatch):
    monkeypatch.setattr(quantisation, 'REGIONS', 4)
    assert distance(OP, random_quantisation) > 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
    'wrong', [lambda low, high: (high, low), lambda low, high: (low, 2 * high)]
)
def test_the_reference_rejects_another_range(wrong, x64, monkeypatch):
    bounds = quantisation._bounds
    monkeypatch.setattr(quantisation, '_bounds', lambda images: wrong(*bounds(images)))
    assert distance(OP, random_quantisation) > 0.01


def test_strength_1_leaves_eight_values_of_the_bins_they_stand_for():
    images = np.sort(np.random.default_rng(0).uniform(0.2, 0.7, (400, 64, 1, 2)), axis=1)
    images = images.astype(np.float32)
    out = np.asarray(small.jit(OP)(new_key(11), images, 1.0))
    counts = [len(np.unique(x)) for x in np.moveaxis(out[:, :, 0], 1, 2).reshape(-1, 64)]
    assert max(counts) == 8 and np.mean(counts) > 5  # narrow bins are empty
    assert np.all(np.diff(out, axis=1) >= 0)
    low, high = (f(images, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
    assert np.all((out >= low) & (out <= high))


def test_a_value_becomes_any_value_of_its_bin():
    # Of 0, x and 1 the value 0 becomes u·e with e the least of seven uniform edges.
    images = np.tile(np.array([0, 0.5, 1], np.float32)[:, None, None], (2000, 1, 1, 1))
    first = np.asarray(small.jit(OP)(new_key(11), images, 1.0))[:, 0, 0, 0]
    draws = np.random.default_rng(0).uniform(size=(2000, 8))
    expected = draws[:, 0] * draws[:, 1:].min(axis=1)
    assert abs(first.mean() - 1 / 16) < 0.005  # E[u] E[e] = 1/2 · 1/8
    assert stats.ks_2samp(first, expected).pvalue > LIKELY


@pytest.mark.slow
def test_the_gradient_is_the_part_that_is_left():
    images = np.random.default_rng(0).uniform(size=(4, 5, 5, 2)).astype(np.float32)
    slope = jax.grad(lambda x: jnp.sum(OP(new_key(11), x, 0.4) * images))(images)
    np.testing.assert_allclose(slope, 0.6 * images, rtol=1e-5)  # at the extremes too


def test_a_flat_channel_stays_as_it_is():
    flat = np.full((4, 3, 3, 2), 0.3, np.float32)
    np.testing.assert_array_equal(small.jit(OP)(new_key(11), flat, 1.0), flat)
