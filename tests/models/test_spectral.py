"""Spectral normalisation against Flax's, against NumPy's singular values, and on a TPU."""

import re
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models.conv import Conv
from gan_jax.models.spectral import ROWS, largest_singular_value, power_iteration, spectral
from tests import small

X = np.random.default_rng(0).standard_normal((2, 5, 5, 3)).astype('float32')


class Ours(nn.Module):
    @nn.compact
    def __call__(self, x, *, train):
        return spectral(Conv(4, (3, 3), name='conv'), x, train=train)


class Flax(nn.Module):
    """The same with Flax's SpectralNorm."""

    @nn.compact
    def __call__(self, x, *, train):
        norm = nn.SpectralNorm(Conv(4, (3, 3), name='conv'), name='spectral_conv')
        return norm(x, update_stats=train)


def without_sigma(stats):
    """Flax's statistics without the singular values, which ours does not keep."""
    return {
        norm: {name: x for name, x in kept.items() if not name.endswith('/sigma')}
        for norm, kept in stats.items()
    }


def test_it_starts_as_flax_s_but_for_the_kernel_which_is_not_divided():
    ours = small.jit(partial(Ours().init, train=True))(jax.random.key(0), X)
    flax = small.jit(partial(Flax().init, train=True))(jax.random.key(0), X)
    sigma = flax['batch_stats']['spectral_conv']['conv/kernel/sigma']
    divided = ours['params']['conv']['kernel'] / sigma
    np.testing.assert_allclose(flax['params']['conv']['kernel'], divided, rtol=1e-5)
    first, last = ours['batch_stats'], without_sigma(flax['batch_stats'])
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5), first, last)


@pytest.mark.parametrize('train', [False, True])
def test_results_vectors_and_gradients_are_flax_s(train):
    def loss(module, params, stats):
        variables = {'params': params, 'batch_stats': stats}
        y, after = module.apply(variables, X, train=train, mutable=['batch_stats'])
        return (y**2).mean(), (y, after['batch_stats'])

    variables = small.jit(partial(Flax().init, train=True))(jax.random.key(0), X)
    params, stats = variables['params'], variables['batch_stats']
    params['conv']['bias'] = jnp.arange(4.0)
    for _ in range(3):
        ours, flax = (
            small.jit(jax.value_and_grad(partial(loss, module), has_aux=True))(params, kept)
            for module, kept in ((Ours(), without_sigma(stats)), (Flax(), stats))
        )
        (value, (y, moved)), gradient = flax
        expected = (value, (y, without_sigma(moved))), gradient
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), ours, expected)
        assert small.same(ours[0][1][1], without_sigma(stats)) is not train
        params, stats = jax.tree.map(lambda p, g: p - 0.1 * g, params, gradient), moved


def test_the_power_iteration_ends_at_the_largest_singular_value():
    w = np.random.default_rng(0).standard_normal((12, 5)).astype('float32')
    u = np.ones((1, 5), 'float32')
    for _ in range(100):
        sigma, _, u = small.jit(largest_singular_value)(w, u)
    largest = np.linalg.svd(w, compute_uv=False)[0]
    assert float(sigma) == pytest.approx(largest, rel=1e-5)


def test_the_gradient_of_the_singular_value_is_the_product_of_its_vectors():
    """And so it is when it is differentiated again, as a gradient penalty does."""
    w = np.random.default_rng(0).standard_normal((6, 4))
    left, _, right = np.linalg.svd(w)
    u = right[:1]
    sigma = lambda w: largest_singular_value(w, u)[0]  # noqa: E731
    outer = left[:, :1] @ right[:1]
    np.testing.assert_allclose(jax.jit(jax.grad(sigma))(w), outer, rtol=1e-4, atol=1e-6)
    along = lambda w: (jax.grad(lambda w: sigma(w) ** 2)(w) * outer).sum()  # noqa: E731
    np.testing.assert_allclose(jax.jit(jax.grad(along))(w), 2 * outer, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(('platform', 'rows'), [('cpu', 1), ('cuda', ROWS), ('tpu', ROWS)])
def test_accelerators_multiply_equal_rows(platform, rows):
    shapes = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((12, 5), (1, 5))]
    traced = jax.jit(largest_singular_value).trace(*shapes)
    text = traced.lower(lowering_platforms=(platform,)).as_text()
    products = re.findall(r'stablehlo\.dot_general.*-> tensor<(.*)xf32>', text)
    assert products == [f'{rows}x12', f'{rows}x5']


def test_equal_rows_give_what_one_row_gives():
    w = np.random.default_rng(0).standard_normal((12, 5)).astype('float32')
    u = np.random.default_rng(1).standard_normal((1, 5)).astype('float32')
    one, several = (small.jit(partial(power_iteration, rows=n))(w, u) for n in (1, ROWS))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), several, one)


class Normalised(nn.Module):
    @nn.compact
    def __call__(self, x, *, train):
        start = nn.initializers.constant(3.0)
        return spectral(nn.Dense(5, kernel_init=start, name='dense'), x, train=train)


@pytest.mark.parametrize('train', [False, True])
def test_a_normalised_layer_starts_with_the_kernel_that_was_drawn(train):
    """Flax's stores it over its singular value, which for these is sqrt(4 * 5) * 3."""
    x = np.ones((2, 4), np.float32)
    variables = small.jit(partial(Normalised().init, train=train))(jax.random.key(0), x)
    kernel = variables['params']['dense']['kernel']
    np.testing.assert_array_equal(kernel, np.full((4, 5), 3.0))
    y, _ = small.jit(partial(Normalised().apply, train=True, mutable=['batch_stats']))(variables, x)
    np.testing.assert_allclose(y, np.full((2, 5), 4 / 20**0.5), rtol=1e-5)
