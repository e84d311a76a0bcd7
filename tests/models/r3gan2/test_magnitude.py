"""Layers that preserve magnitudes: the constant, norms by hand, variances, first weights."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models.r3gan2.magnitude import (
    GAIN,
    FromMap,
    MPConv,
    MPDense,
    MPEmbed,
    ToMap,
    activate,
    force_norms,
    normalised,
    unit,
)
from tests import small
from tests.models.r3gan2.loops import spread_of_leaky


def test_the_gain_makes_the_variance_one_and_not_the_mean_square():
    """1.54646; the root of the mean square asks for 1.387, StyleGAN2 has 1.414."""
    assert pytest.approx(1 / spread_of_leaky(), rel=1e-12) == GAIN
    assert pytest.approx(1.54646, abs=5e-6) == GAIN
    np.testing.assert_allclose(activate(jnp.array([2.0, -1.0])), [2 * GAIN, -0.2 * GAIN], 1e-6)


def test_normalised_by_hand():
    kernel = jnp.array([[3.0, 1.0], [1.0, 1.0], [-1.0, 4.0], [5.0, 2.0]])
    found = normalised(kernel, centred=False)
    np.testing.assert_allclose(found[:, 0], np.array([3, 1, -1, 5]) / (1e-4 + 3), rtol=1e-6)
    found = normalised(kernel, centred=True)
    np.testing.assert_allclose(
        found[:, 0], [1 / 5**0.5, -1 / 5**0.5, -3 / 5**0.5, 3 / 5**0.5], 1e-4
    )
    np.testing.assert_allclose(found[0, 1], -1 / (1e-4 + 1.5**0.5), rtol=1e-5)


def test_half_precision_is_normalised_in_float32():
    assert normalised(jnp.ones((2, 2), jnp.bfloat16), centred=False).dtype == jnp.float32


@pytest.mark.slow
def test_rows_without_a_length_have_a_gradient():
    """Of centred rows of equal weights, such as rows of one weight."""
    found = jax.grad(lambda w: jnp.sum(normalised(w, centred=True)))(jnp.ones((1, 3)))
    assert np.all(np.isfinite(found))
    np.testing.assert_array_equal(unit(jnp.zeros((2, 2)), (0,)), 0)


def test_kernels_alone_are_forced_and_the_name_says_how():
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal((4, 3)).astype('float32') + 1
    params = {
        'a': {'centred': {'kernel': kernel}, 'alpha': kernel},
        'centred': {'unit': {'kernel': kernel}, 'kernel': {'kernel': kernel}},
        'b': {'kernel': kernel, 'unit': {'bias': kernel}},
        'unit': kernel,
    }
    found = force_norms(params)
    expected = {
        centred: normalised(jnp.array(kernel), centred=centred) for centred in (True, False)
    }
    np.testing.assert_array_equal(found['a']['centred']['kernel'], expected[True])
    np.testing.assert_array_equal(found['centred']['unit']['kernel'], expected[False])
    del found['a']['centred'], found['centred']['unit']
    assert all(np.array_equal(x, kernel) for x in jax.tree.leaves(found))
    np.testing.assert_array_equal(force_norms(kernel), kernel)


def run(layer, *inputs, **options):
    rngs = {'params': jax.random.key(0), 'noise': jax.random.key(1)}
    start = small.jit(partial(layer.init_with_output, **options))
    out, variables = start(rngs, *inputs)
    return np.asarray(out), variables['params']


@pytest.mark.parametrize(
    ('layer', 'shape'),
    [
        (MPDense(64), (256, 96)),
        (MPDense(64, centred=False, bias=True, noise=True), (256, 96)),
        (MPConv(16), (8, 9, 9, 64)),
        (ToMap(16), (64, 64)),
        (FromMap(16), (64, 4, 4, 64)),
        (FromMap(16), (64, 4, 2, 64)),
    ],
    ids=['dense', 'noisy', 'conv', 'to map', 'from map', 'from an oblong'],
)
def test_layers_keep_the_variance(layer, shape):
    out, _ = run(layer, np.random.default_rng(1).standard_normal(shape).astype('float32'))
    inner = out[:, 1:-1, 1:-1] if isinstance(layer, MPConv) else out
    np.testing.assert_allclose(np.mean(inner**2), 1, rtol=0.06)


@pytest.mark.parametrize('centred', [True, False])
def test_only_a_centred_layer_does_not_see_the_mean(centred):
    out, _ = run(MPDense(16, centred), np.full((1, 64), 5, 'float32'))
    assert (np.abs(out).max() < 1e-4) == centred


@pytest.mark.slow
def test_a_dense_layer_is_its_formula(x64):
    """Gains are of the inputs alone, the bias is the last row and the noise the row before it."""
    rng = np.random.default_rng(2)
    x, kernel = rng.standard_normal((3, 5)), rng.standard_normal((7, 4))
    gain, out_gain, drawn = rng.random(5), rng.random(4), rng.standard_normal((3, 1))
    layer = MPDense(4, centred=False, bias=True, noise=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax.random, 'normal', lambda key, shape, dtype: jnp.asarray(drawn))
        variables = {'params': {'unit': {'kernel': kernel}}}
        found = layer.apply(variables, x, gain, out_gain, rngs={'noise': jax.random.key(0)})
    used = kernel / (1e-4 + np.linalg.norm(kernel, axis=0) / np.sqrt(7)) / np.sqrt(7)
    expected = (x * gain) @ used[:5] * out_gain + drawn * used[5] + used[6]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_noise_is_one_map_an_image_from_its_own_stream():
    x = np.zeros((2, 8, 8, 3), 'float32')
    layer = MPDense(4, centred=False, bias=True, noise=True)
    out, params = run(layer, x)
    used = np.asarray(normalised(params['unit']['kernel'], centred=False)) / np.sqrt(5)
    noise = (out - used[4]) / used[3]
    np.testing.assert_allclose(noise, np.repeat(noise[..., :1], 4, axis=3), rtol=0, atol=1e-3)
    assert abs(noise[..., 0].std() - 1) < 0.2 and not np.allclose(noise[0], noise[1])
    again = small.jit(layer.apply)({'params': params}, x, rngs={'noise': jax.random.key(2)})
    assert not np.allclose(out, again)


def test_classes_are_equal_at_first_and_of_magnitude_one():
    label = np.array([0, 1, 3])
    out, params = run(MPEmbed(3, 16), label)
    table = params['centred']['kernel']
    assert table.shape == (16, 3)
    np.testing.assert_array_equal(table, np.repeat(table[:, :1], 3, axis=1))
    np.testing.assert_array_equal(out[0], out[1])
    np.testing.assert_array_equal(out[2], 0)
    np.testing.assert_allclose([out[0].mean(), np.mean(out[0] ** 2)], [0, 1], rtol=0, atol=3e-4)


def test_other_kernels_are_standard_normal_at_first():
    for layer, shape in ((MPDense(64), (1, 128)), (MPConv(32), (1, 2, 2, 64))):
        _, params = run(layer, np.ones(shape, 'float32'))
        kernel = np.asarray(params['centred']['kernel'])
        assert abs(kernel.mean()) < 4 / np.sqrt(kernel.size)
        np.testing.assert_allclose(kernel.std(), 1, rtol=0.03)
