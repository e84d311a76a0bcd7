"""Modulated convolutions against a loop over images in NumPy, written from the equations."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models.stylegan2.modulated import CLAMP, StyledConv, ToImage, modulated
from tests import small
from tests.models.stylegan2.loops import leaky
from tests.models.stylegan2.loops import modulated as reference

LAYERS, SHAPE = 5, (3, 4, 4, 3)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize('up', [False, True])
def test_each_image_has_its_own_kernel(up, x64):
    x, w, style = drawn(*SHAPE), drawn(3, 3, 3, 3, seed=1), drawn(3, 3, seed=2)
    found = small.jit(modulated, static_argnames='up')(x, w, style, up=up)
    np.testing.assert_allclose(found, reference(x, w, style, up=up), atol=1e-10)
    for fault in ('outputs', 'unmodulated', 'mean', 'inputs', 'epsilon'):
        assert np.abs(found - reference(x, w, style, up=up, fault=fault)).max() > 1e-3, fault


def test_demodulation_leaves_the_size_of_style_and_kernel_to_nobody(x64):
    """No root of the inputs is in the kernel: demodulation would cancel it."""
    x, w, style = drawn(*SHAPE), drawn(3, 3, 3, 4), drawn(3, 3)
    before, after = modulated(x, w, style), modulated(x, 7 * w, 3 * style)
    np.testing.assert_allclose(before, after, rtol=1e-6)
    big = drawn(2, 16, 16, 40)
    out = np.asarray(modulated(big, drawn(3, 3, 40, 50), drawn(2, 40)))[:, 1:-1, 1:-1]
    assert out.std() == pytest.approx(1, rel=0.1)


def variables_of(module, x, w):
    shapes = jax.eval_shape(module.init, jax.random.key(0), x, w)
    return small.numbers(shapes, np.random.default_rng(3), np.float64)


@pytest.mark.parametrize('up', [False, True])
def test_a_layer_is_style_convolution_noise_bias_and_leak(up, x64):
    x, w = drawn(*SHAPE), drawn(3, LAYERS, seed=1)
    module = StyledConv(4, up=up, gain=0.5)
    variables = variables_of(module, x, w)
    params, rngs = variables['params'], {'noise': small.new_key(5)}
    run = small.jit(partial(module.apply, rngs=rngs))
    found = run(variables, x, w)
    silent = {**variables, 'params': {**params, 'strength': np.zeros(())}}
    without = run(silent, x, w)

    style = w @ params['style']['kernel'] / LAYERS**0.5 + params['style']['bias']
    y = reference(x, params['kernel'], style, up=up)
    np.testing.assert_allclose(without, leaky(y + params['bias'], 0.5**0.5), atol=1e-10)
    raw = np.asarray(found) / 0.5**0.5
    noise = np.where(raw > 0, raw, raw / 0.2) - params['bias'] - y
    # One map an image, the same for all channels, times the learned number.
    np.testing.assert_allclose(noise, np.broadcast_to(noise[..., :1], noise.shape), atol=1e-10)
    assert np.abs(noise[0] - noise[1]).max() > 0.1
    assert (noise / params['strength']).std() == pytest.approx(1, rel=0.2)


def test_styles_begin_near_one_and_noise_begins_silent():
    module = StyledConv(4)
    inputs = jnp.zeros((1, 4, 4, 3)), jnp.zeros((1, 5))
    params = small.jit(module.init)(jax.random.key(0), *inputs)['params']
    assert (params['style']['bias'] == 1).all() and params['strength'] == 0
    assert (params['bias'] == 0).all()


def test_rgb_has_no_demodulation_and_the_root_of_its_inputs(x64):
    x, w = drawn(*SHAPE), drawn(3, LAYERS, seed=1)
    module = ToImage(2)
    variables = variables_of(module, x, w)
    params = variables['params']
    style = w @ params['style']['kernel'] / LAYERS**0.5 + params['style']['bias']
    expected = np.einsum('nhwi,ni,io->nhwo', x, style / 3**0.5, params['kernel']) + params['bias']
    np.testing.assert_allclose(module.apply(variables, x, w), expected, atol=1e-12)


def test_half_precision_is_kept_within_bounds_and_float32_is_not():
    x, w = jnp.full((1, 4, 4, 3), 1e4), jnp.ones((1, 5))
    module, rngs = StyledConv(4, gain=0.5), {'noise': jax.random.key(0)}
    variables = small.jit(module.init)(jax.random.key(0), x, w)
    low = module.clone(clamp=True, dtype=jnp.bfloat16)
    wide, near = (small.jit(partial(m.apply, rngs=rngs))(variables, x, w) for m in (module, low))
    assert near.dtype == 'bfloat16'
    assert float(jnp.abs(near).max()) == CLAMP / 2 < float(jnp.abs(wide).max())
