"""Convolutions that double and halve a map against loops in NumPy, written from the definition."""

from functools import partial

import jax
import numpy as np
import pytest

from gan_jax.models.stylegan2 import resampled
from tests import small
from tests.models.stylegan2.loops import correlated, doubled_convolution, halved_convolution


def drawn(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape)


@pytest.mark.parametrize('shape', [(2, 4, 4, 3), (1, 6, 4, 2)])
def test_the_order_is_the_published_one(shape, x64):
    """Transposed, then filtered; filtered, then with strides."""
    x, w = drawn(*shape), drawn(3, 3, shape[3], 5)
    up = small.jit(resampled.double_convolve)(x, w)
    down = small.jit(resampled.convolve_halve)(x, w)
    np.testing.assert_allclose(up, doubled_convolution(x, w), atol=1e-12)
    np.testing.assert_allclose(down, halved_convolution(x, w), atol=1e-12)


@pytest.mark.parametrize(('before', 'after'), [(1, 1), (2, 3), (2, 2)])
def test_the_filter_has_so_many_zeros_around(before, after, x64):
    x = drawn(2, 4, 5, 3)
    found = small.jit(partial(resampled.blur, before=before, after=after, gain=4))(x)
    np.testing.assert_allclose(found, 4 * correlated(x, before, after), atol=1e-12)


def test_a_constant_stays_but_at_the_edges_where_zeros_are_mixed_in():
    line = np.asarray(resampled.blur(np.ones((1, 6, 6, 1), 'f4'), 1, 2))[0, 3, :, 0]
    np.testing.assert_array_equal(line, [7 / 8, 1, 1, 1, 7 / 8, 0.5])


def test_second_derivatives_are_finite_differences_of_first(x64):
    """A penalty on input gradients differentiates the convolutions twice."""
    x, w, v = drawn(1, 4, 4, 2), drawn(3, 3, 2, 2), drawn(3, 3, 2, 2)

    def slope(w):
        def cubes(x):
            y = resampled.convolve_halve(resampled.double_convolve(x, w), w)
            return (y**3).sum()

        return (jax.grad(cubes)(x) ** 2).sum()

    value = small.jit(slope)
    moved = (value(w + 1e-5 * v) - value(w - 1e-5 * v)) / 2e-5
    exact = (small.jit(jax.grad(slope))(w) * v).sum()
    assert float(exact) == pytest.approx(float(moved), rel=1e-6)


def test_sums_of_half_precision_are_rounded_once():
    x = drawn(1, 4, 4, 2).astype('bfloat16')
    found, exact = (resampled.blur(y, 1, 1) for y in (x, x.astype('f4')))
    assert found.dtype == 'bfloat16'
    np.testing.assert_array_equal(found, exact.astype('bfloat16'))
