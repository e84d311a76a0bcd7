"""Resampling through [1, 3, 3, 1] / 8: numbers by hand, and the definition in NumPy."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models.fir import double, halve, smooth

TAPS = np.array([1, 3, 3, 1]) / 8


def along(axis, function, x):
    return np.apply_along_axis(function, axis, x)


def enlarged(x):
    """Zeros after every value, then the filter times two, which begins two places early."""
    for axis in (1, 2):
        spread = np.insert(x, range(1, x.shape[axis] + 1), 0, axis)
        x = along(axis, lambda line: np.convolve(line, 2 * TAPS)[1:-2], spread)
    return x


def reduced(x):
    """The filter on a line with a zero at either end, at every second place."""
    for axis in (1, 2):
        x = along(axis, lambda line: np.correlate(np.pad(line, 1), TAPS)[::2], x)
    return x


def softened(x):
    for axis in (1, 2):
        x = along(axis, lambda line: np.convolve(line, [0.25, 0.5, 0.25], 'same'), x)
    return x


@pytest.fixture
def maps():
    return np.random.default_rng(0).standard_normal((2, 6, 4, 3))


def test_are_their_definitions(maps, x64):
    assert double(maps).shape == (2, 12, 8, 3) and halve(maps).shape == (2, 3, 2, 3)
    np.testing.assert_allclose(double(maps), enlarged(maps), rtol=0, atol=1e-14)
    np.testing.assert_allclose(halve(maps), reduced(maps), rtol=0, atol=1e-14)
    np.testing.assert_allclose(smooth(maps), softened(maps), rtol=0, atol=1e-14)


def test_a_line_by_hand():
    line = jnp.array([[[[4.0], [8.0]]] * 3])  # three equal rows: the middle one is as in one axis
    np.testing.assert_array_equal(double(line)[0, 2, :, 0], [3, 5, 7, 6])
    line = jnp.array([[[[8.0], [16.0], [24.0], [32.0]]] * 6])
    np.testing.assert_array_equal(halve(line)[0, 1, :, 0], [12, 23])


def test_the_border_is_zero_and_no_weight_makes_up_for_it():
    ones = jnp.ones((1, 4, 4, 1))
    large, small = double(ones)[0, ..., 0], halve(ones)[0, ..., 0]
    assert (large[0, 0], large[0, 1], large[1, 1]) == (0.5625, 0.75, 1)
    assert (small[0, 0], float(halve(jnp.ones((1, 6, 6, 1)))[0, 1, 1, 0])) == (0.765625, 1)


def test_halving_is_a_quarter_of_the_adjoint_of_doubling(maps, x64):
    other = np.random.default_rng(1).standard_normal((2, 12, 8, 3))
    left, right = np.sum(double(maps) * other), 4 * np.sum(maps * halve(other))
    np.testing.assert_allclose(left, right, rtol=1e-12)


@pytest.mark.slow
def test_sums_of_half_precision_are_rounded_once(maps):
    x = jnp.asarray(maps, jnp.bfloat16)
    for function in (double, halve, smooth):
        found, exact = function(x), function(x.astype(jnp.float32))
        assert found.dtype == jnp.bfloat16
        np.testing.assert_array_equal(found, exact.astype(jnp.bfloat16))
