"""Shared layers against formulas written out in NumPy."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models import layers
from gan_jax.models.conv import Conv
from gan_jax.models.layers import ConditionalNorm, SelfAttention
from tests import small
from tests.singular import normalised


def drawn(module, *arguments):
    """The module's variables with numbers in which nothing is zero."""
    shapes = jax.eval_shape(partial(module.init, train=True), jax.random.key(0), *arguments)
    return small.numbers(shapes, np.random.default_rng(0), np.float32)


def run(module, variables, *arguments, train):
    apply = partial(module.apply, train=train, mutable=['batch_stats'])
    return small.jit(apply)(variables, *arguments)


# Initial values ----------------------------------------------------------------------------------


@pytest.mark.parametrize('shape', [(3, 3, 4, 8), (6, 20)])
def test_orthogonal_kernels_are_orthonormal_along_their_shorter_side(shape):
    draw = small.jit(partial(layers.initializer('orthogonal'), shape=shape))
    kernel = np.asarray(draw(jax.random.key(0))).reshape(-1, shape[-1])
    short = kernel.T if kernel.shape[0] > kernel.shape[1] else kernel
    np.testing.assert_allclose(short @ short.T, np.eye(len(short)), atol=1e-5)


def test_normal_kernels_deviate_by_a_fiftieth_and_glorot_s_by_their_fans():
    def draw(key):
        keys = zip(('normal', 'glorot'), jax.random.split(key), strict=True)
        return [layers.initializer(name)(key, (100, 300)) for name, key in keys]

    normal, glorot = small.jit(draw)(jax.random.key(0))
    assert float(normal.std()) == pytest.approx(0.02, rel=0.02)
    assert float(abs(glorot).max()) == pytest.approx((6 / 400) ** 0.5, rel=0.01)


def test_an_unknown_initializer_is_refused_by_a_sentence_with_the_known_ones():
    with pytest.raises(ValueError, match="one of glorot, normal, orthogonal, not 'xavier'"):
        layers.initializer('xavier')


def test_images_are_clipped_where_they_are_shown():
    x = np.float32([-3, -1, 0, 0.5, 3])
    np.testing.assert_array_equal(layers.image_of(x, clipped=False), [-1, 0, 0.5, 0.75, 2])
    np.testing.assert_array_equal(layers.image_of(x, clipped=True), [0, 0, 0.5, 0.75, 1])


def test_doubling_and_pooling_equal_numpy_s():
    x = np.random.default_rng(0).standard_normal((2, 4, 6, 3)).astype('float32')
    np.testing.assert_array_equal(layers.upsample_nearest(x), x.repeat(2, 1).repeat(2, 2))
    corners = [x[:, i::2, j::2] for i in range(2) for j in range(2)]
    np.testing.assert_allclose(layers.average_pool(x), np.mean(corners, 0), atol=1e-6)
    np.testing.assert_array_equal(layers.max_pool(x), np.max(corners, 0))


def test_wide_widens_half_precision_only(x64):
    types = [
        layers.at_least_float32(jnp.zeros(1, t)).dtype.name
        for t in ('bfloat16', 'float32', 'float64')
    ]
    assert types == ['float32', 'float32', 'float64']


# Conditional norm --------------------------------------------------------------------------------

X = np.random.default_rng(1).standard_normal((4, 3, 5, 2)).astype('float32') * 2 + 1
C = np.random.default_rng(2).standard_normal((4, 3)).astype('float32')


def norm(**options):
    return ConditionalNorm(kernel_init=layers.initializer('normal'), **options)


def formula(x, mean, var, variables):
    """x̂ (1 + U c) + V c."""
    standard = (x - mean) / np.sqrt(var + 1e-5)
    gain, bias = (C @ variables['params'][name]['kernel'] for name in ('gain', 'bias'))
    return standard * (1 + gain[:, None, None]) + bias[:, None, None]


def test_the_norm_is_the_formula_and_keeps_nine_tenths_of_its_statistics():
    variables = drawn(norm(), X, C)
    y, after = run(norm(), variables, X, C, train=True)
    mean, var = X.mean((0, 1, 2)), X.var((0, 1, 2))
    np.testing.assert_allclose(y, formula(X, mean, var, variables), rtol=1e-4, atol=1e-5)
    before, kept = variables['batch_stats']['batch'], after['batch_stats']['batch']
    np.testing.assert_allclose(kept['mean'], 0.9 * before['mean'] + 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(kept['var'], 0.9 * before['var'] + 0.1 * var, rtol=1e-5)


def test_in_evaluation_the_norm_takes_the_kept_statistics_and_leaves_them():
    variables = drawn(norm(), X, C)
    y, after = run(norm(), variables, X, C, train=False)
    stats = variables['batch_stats']['batch']
    expected = formula(X, stats['mean'], stats['var'], variables)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
    assert small.same(after['batch_stats'], variables['batch_stats'])


def test_without_a_condition_it_is_batchnorm_with_its_own_gain_and_bias():
    variables = drawn(norm(), X, None)
    own = variables['params']['batch']
    assert sorted(own) == ['bias', 'scale']
    y, _ = run(norm(), variables, X, None, train=True)
    standard = (X - X.mean((0, 1, 2))) / np.sqrt(X.var((0, 1, 2)) + 1e-5)
    np.testing.assert_allclose(y, standard * own['scale'] + own['bias'], rtol=1e-4, atol=1e-5)


def test_a_normalised_norm_divides_its_kernels_by_their_singular_values():
    module = norm(normalised=True)
    variables = drawn(module, X, C)
    y, _ = run(module, variables, X, C, train=True)
    divided = {name: {'kernel': normalised(variables, name)} for name in ('gain', 'bias')}
    mean, var = X.mean((0, 1, 2)), X.var((0, 1, 2))
    expected = formula(X, mean, var, {'params': divided})
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


# Self-attention ----------------------------------------------------------------------------------

MAP = np.random.default_rng(3).standard_normal((2, 4, 6, 16)).astype('float32')
ATTENTION = SelfAttention(kernel_init=layers.initializer('normal'))


def attend(x, kernels):
    """One map [H, W, C] to what its places see, a place at a time."""
    height, width = x.shape[:2]
    phi, g = (x @ kernels[name] for name in ('phi', 'g'))
    squares = [
        (slice(i, i + 2), slice(j, j + 2)) for i in range(0, height, 2) for j in range(0, width, 2)
    ]
    phi, g = ([m[s].max((0, 1)) for s in squares] for m in (phi, g))
    out = np.zeros_like(x)
    for i in range(height):
        for j in range(width):
            energy = np.array([x[i, j] @ kernels['theta'] @ p for p in phi])
            weight = np.exp(energy) / np.exp(energy).sum()
            out[i, j] = sum(w * v for w, v in zip(weight, g, strict=True)) @ kernels['out']
    return out


def test_self_attention_equals_a_loop_over_places():
    variables = drawn(ATTENTION, MAP)
    y, _ = run(ATTENTION, variables, MAP, train=True)
    params = variables['params']
    shapes = {n: params[n]['kernel'].shape for n in ('theta', 'phi', 'g', 'out')}
    assert shapes == {'theta': (16, 2), 'phi': (16, 2), 'g': (16, 8), 'out': (8, 16)}
    kernels = {name: normalised(variables, name) for name in shapes}
    seen = np.stack([attend(x, kernels) for x in MAP])
    assert np.abs(seen).max() > 0.1
    np.testing.assert_allclose(y, MAP + params['gain'] * seen, rtol=1e-4, atol=1e-5)


def test_self_attention_is_the_identity_at_first():
    start = small.jit(partial(ATTENTION.init_with_output, train=True))
    y, variables = start(jax.random.key(0), MAP)
    assert variables['params']['gain'] == 0
    assert sorted(variables['params']) == ['g', 'gain', 'out', 'phi', 'theta']
    np.testing.assert_array_equal(y, MAP)


@pytest.mark.parametrize(
    ('module', 'arguments'), [(ATTENTION, (MAP,)), (norm(), (X, C)), (norm(), (X, None))]
)
@pytest.mark.usefixtures('mixed_types')
def test_half_precision_stays_half_and_its_parameters_full(module, arguments):
    half = module.clone(dtype=jnp.bfloat16)
    variables = drawn(half, *arguments)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {np.dtype('float32')}
    x = (arguments[0].astype(jnp.bfloat16), *arguments[1:])
    y, _ = run(half, variables, *x, train=False)
    full, _ = run(module, variables, *arguments, train=False)
    assert y.dtype == jnp.bfloat16
    np.testing.assert_allclose(y.astype('float32'), full, rtol=0.05, atol=0.1)


# Half precision ----------------------------------------------------------------------------------

HALF = jnp.dtype('bfloat16')


def slope(module, variables, *arguments):
    """The gradient of the sum of what a module gives, in its parameters."""

    def total(params):
        given = {**variables, 'params': params}
        y, _ = module.apply(given, *arguments, train=True, mutable=['batch_stats'])
        return jnp.sum(y.astype(jnp.float32))

    return small.jit(jax.grad(total))(variables['params'])


class Plain(nn.Module):
    """A layer that knows nothing of `train`."""

    layer: nn.Module

    @nn.compact
    def __call__(self, x, *, train):
        return self.layer(x)


@pytest.mark.parametrize('layer', [layers.Dense(3, dtype=HALF), Conv(3, (3, 3), dtype=HALF)])
def test_the_gradient_of_a_bias_adds_up_more_than_bfloat16_can(layer):
    module, x = Plain(layer), np.ones((16, 16, 16, 2), HALF)
    bias = slope(module, drawn(module, x), x)['layer']['bias']
    assert bias.dtype == np.float32
    np.testing.assert_array_equal(bias, np.full(3, 16.0**3, np.float32))


def test_dense_is_flax_s():
    x = np.random.default_rng(0).standard_normal((4, 5)).astype(np.float32)
    for dtype in (None, HALF):
        ours, theirs = (make(3, dtype=dtype) for make in (layers.Dense, nn.Dense))
        variables = ours.init(jax.random.key(0), x)
        assert small.same(variables, theirs.init(jax.random.key(0), x))
        variables['params']['bias'] += jnp.arange(3.0)
        assert small.same(ours.apply(variables, x), theirs.apply(variables, x))


def test_gradients_of_gain_and_bias_add_up_more_than_bfloat16_can():
    """x̂ is summed by the gain, ones by the bias, over 32×32 places of each image."""
    x = np.random.default_rng(0).standard_normal((2, 32, 32, 3)).astype(HALF)
    c = np.eye(2, dtype=np.float32)
    half, full = norm(dtype=HALF), norm()
    variables = drawn(half, x, c)
    found, exact = slope(half, variables, x, c), slope(full, variables, x.astype(np.float32), c)
    np.testing.assert_array_equal(found['bias']['kernel'], np.full((2, 3), 32.0**2))
    error = np.linalg.norm(found['gain']['kernel'] - exact['gain']['kernel'])
    assert error < 0.01 * np.linalg.norm(exact['gain']['kernel'])


def test_the_gradient_of_the_attention_s_gain_adds_up_more_than_bfloat16_can():
    x = np.random.default_rng(0).uniform(0.5, 1.5, (8, 16, 16, 4)).astype(HALF)
    half = ATTENTION.clone(dtype=HALF)
    variables = drawn(half, x)
    for name in ('g', 'out'):  # all of one sign, so that nothing cancels
        variables['params'][name]['kernel'] = abs(variables['params'][name]['kernel'])
    found = slope(half, variables, x)['gain']
    exact = slope(ATTENTION, variables, x.astype(np.float32))['gain']
    assert found == pytest.approx(float(exact), rel=0.01)


@pytest.mark.parametrize('condition', [None, C])
@pytest.mark.usefixtures('mixed_types')
def test_the_variance_of_values_far_from_zero(condition):
    """In bfloat16 the mean of squares minus the square of the mean would be anything, 0 too."""
    rng = np.random.default_rng(0)
    x = rng.normal(3, 0.1, (len(C), 16, 16, 3)).astype(HALF)
    module = norm(dtype=HALF)
    variables = drawn(module, x, condition)
    before = variables['batch_stats']['batch']['var']
    after = run(module, variables, x, condition, train=True)[1]['batch_stats']['batch']['var']
    expected = x.astype(np.float64).var((0, 1, 2))
    np.testing.assert_allclose((after - 0.9 * before) / 0.1, expected, rtol=0.01)


def test_half_precision_is_of_the_four_largest_sides_but_four():
    at, sides = layers.type_at, [2**n for n in range(3, 11)]
    half = {
        last: [s for s in sides if at(s, last, jnp.bfloat16) == jnp.bfloat16 and s <= last]
        for last in (8, 32, 64, 256)
    }
    assert half == {8: [8], 32: [8, 16, 32], 64: [8, 16, 32, 64], 256: [32, 64, 128, 256]}
    assert at(4, 8, jnp.bfloat16) == jnp.float32
    assert at(32, 32, None) is None and at(32, 32, jnp.float32) == jnp.float32


def test_half_is_a_type_below_float32():
    assert layers.is_half(jnp.bfloat16)
    assert not layers.is_half(None) and not layers.is_half(jnp.float32)
