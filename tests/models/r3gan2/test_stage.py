"""The blocks of a size and the ways between sizes: loops, identity, variance, errors."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models.r3gan2.generator import Generator
from gan_jax.models.r3gan2.stage import Stage, down, sides_for, up
from tests import small
from tests.models.r3gan2.loops import doubled, halved, merged, split


def maps(channels, side=4, dtype='float64'):
    return np.random.default_rng(0).standard_normal((2, side, side, channels)).astype(dtype)


@pytest.mark.slow
@pytest.mark.parametrize('channels', [8, 4, 2, 16, 32])
def test_the_ways_between_sizes_are_their_definitions(channels, x64):
    x, gain = maps(8), np.random.default_rng(1).random(8)
    expected = doubled(x * gain) if channels == 8 else split(x * gain, channels)
    np.testing.assert_allclose(up(x, gain, channels), expected, rtol=0, atol=1e-13)
    expected = halved(x * gain) if channels == 8 else merged(x * gain, channels)
    np.testing.assert_allclose(down(x, gain, channels), expected, rtol=0, atol=1e-13)


def test_a_way_to_another_width_by_hand():
    """Two channels of one place become four places of one channel: the first is above."""
    x = jnp.array([[[[4.0, 8.0]]]])
    np.testing.assert_array_equal(up(x, jnp.ones(2), 1)[0, ..., 0], [[3, 3], [3.75, 3.75]])
    x = jnp.array([[[[4.0], [8.0]], [[16.0], [32.0]]]])
    np.testing.assert_array_equal(down(x, jnp.ones(1), 2)[0, 0, 0], [6.75, 10.125])


def stage(x, **options):
    rngs = {'params': jax.random.key(0), 'noise': jax.random.key(1)}
    return small.jit(Stage(2, 4, **options).init_with_output)(rngs, x)


@pytest.mark.slow
@pytest.mark.parametrize('options', [{}, {'noise': True}, {'head_size': 4}])
def test_is_the_identity_at_first(options):
    x = maps(8, dtype='float32')
    (out, gain), variables = stage(x, **options)
    np.testing.assert_array_equal(out, x)
    np.testing.assert_array_equal(gain, 1)
    names = {'block_0', 'block_1'}
    names |= {'attention_0', 'attention_1'} if 'head_size' in options else set()
    assert {*variables['params']} == names
    assert not any(np.any(block['alpha']) for block in variables['params'].values())


@pytest.mark.slow
def test_the_running_variance_is_that_of_the_map():
    """For blocks that add about as much as there is."""
    x = np.random.default_rng(2).standard_normal((8, 8, 8, 64)).astype('float32')
    network = Stage(3, 16, noise=True)
    rngs = {'params': jax.random.key(0), 'noise': jax.random.key(1)}

    @small.jit
    def run():
        _, variables = network.init_with_output(rngs, x)
        params = variables['params']
        for i in range(3):
            params[f'block_{i}']['alpha'] = jnp.full(64, 0.5 + 0.3 * i)
        return network.apply({'params': params}, x, rngs={'noise': jax.random.key(2)})

    out, gain = (np.asarray(array) for array in run())
    alphas = np.tanh([0.5, 0.8, 1.1])
    np.testing.assert_allclose(gain, 1 / np.sqrt(1 + np.sum(alphas**2)), rtol=1e-5)
    inner = (out * gain)[:, 1:-1, 1:-1]  # at the border a convolution meets zeros
    np.testing.assert_allclose(np.mean(inner**2), 1, rtol=0.1)
    assert np.mean(out[:, 1:-1, 1:-1] ** 2) > 1.8


@pytest.mark.usefixtures('mixed_types')
def test_half_precision_is_of_the_map_alone():
    x = maps(8, dtype='float32')
    start = partial(Stage(2, 4, 4, noise=True, dtype=jnp.bfloat16).init_with_output)
    rngs = {'params': jax.random.key(0), 'noise': jax.random.key(1)}
    (out, gain), variables = jax.eval_shape(start, rngs, x)
    assert (out.dtype, gain.dtype) == (jnp.bfloat16, jnp.float32)
    assert {str(leaf.dtype) for leaf in jax.tree.leaves(variables)} == {'float32'}


@pytest.mark.parametrize(
    ('shape', 'widths', 'options', 'words'),
    [
        ((16, 8, 3), (8,), {}, 'no layers for images of 16x8: give a width .* maps, 8x4, 16x8, or'),
        ((32, 32, 3), (8, 8), {}, 'R3GAN2 with 2 widths has no layers for .* 32x32'),
        ((4, 4, 3), (), {}, 'R3GAN2 takes images .* above 4, and not 4x4'),
        ((8, 8, 3), (6,), {}, '12 channels, twice a width of 6, do not .* of 8'),
        ((8, 8, 3), (8,), {'attention': (8,), 'head_size': 16}, '8 channels .* 8 pixels .* of 16'),
        ((8, 8, 3), (12,), {'attention': (8,), 'head_size': 6}, 'heads of 6, a multiple of 4'),
        ((16, 16, 3), (8, 4), {'attention': (32,)}, 'attention is for maps of 32 pixels'),
        ((16, 16, 3), (36, 4), {}, 'a map of 36 channels cannot become one of 4 twice as large'),
    ],
)
def test_widths_that_do_not_fit_are_refused(shape, widths, options, words):
    network = Generator(shape, widths, 8, **options)
    with pytest.raises(ValueError, match=words):
        sides_for(network, shape)


def test_widths_that_fit_are_not_refused():
    network = Generator((32, 32, 3), (16, 16, 4), 8, attention=(16,), head_size=8)
    assert sides_for(network, (32, 32, 3)) == (8, 16, 32)
    assert sides_for(Generator((8, 8, 3), (8,), 8, head_size=64), (8, 8, 3)) == (8,)
    assert sides_for(network, (32, 24, 3)) == (8, 16, 32)
