"""Residual blocks against the papers' order of operations over Flax's convolutions."""

from functools import partial

import jax
import numpy as np
import pytest
from flax import linen as nn

from gan_jax.models.blocks import DownBlock, UpBlock
from gan_jax.models.layers import ConditionalNorm, initializer
from tests import small
from tests.singular import normalised

X = np.random.default_rng(0).standard_normal((2, 4, 6, 3)).astype('float32')
INIT = dict(kernel_init=initializer('glorot'), shortcut_init=initializer('normal'))


def drawn(module, *arguments):
    shapes = jax.eval_shape(partial(module.init, train=True), jax.random.key(0), *arguments)
    return small.numbers(shapes, np.random.default_rng(1), np.float32)


def trained(module, variables, *arguments):
    """A training pass: its result, and the variables that it used."""
    run = small.jit(partial(module.apply, train=True, mutable=['batch_stats']))
    return run(variables, *arguments)[0], variables


def conv(variables, name, x):
    """The block's convolution by Flax, with its kernel over its singular value, if normalised."""
    layer, kernel = dict(variables['params'][name]), normalised(variables, name)
    layer['kernel'] = kernel.reshape((1, 1, *kernel.shape) if kernel.ndim == 2 else kernel.shape)
    module = nn.Conv(kernel.shape[-1], layer['kernel'].shape[:2], use_bias='bias' in layer)
    return np.asarray(module.apply({'params': layer}, x))


def relu(x):
    return np.maximum(x, 0)


def mean(x):
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


def batch_norm(variables, name, x):
    own = variables['params'][name]['batch']
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    return (x - mean) / np.sqrt(var + 1e-5) * own['scale'] + own['bias']


@pytest.mark.parametrize('normalised', [False, True])
def test_an_up_block_doubles_before_both_of_its_ways(normalised):
    norm = partial(ConditionalNorm, initializer('normal'))
    block = UpBlock(5, norm, normalised=normalised, **INIT)
    got, v = trained(block, drawn(block, X, None), X, None)
    spectral = {n for n in v['batch_stats'] if n.startswith('spectral')}
    assert len(spectral) == 3 * normalised
    y = relu(batch_norm(v, 'norm_0', X)).repeat(2, 1).repeat(2, 2)
    y = relu(batch_norm(v, 'norm_1', conv(v, 'conv_0', y)))
    expected = conv(v, 'conv_1', y) + conv(v, 'shortcut', X.repeat(2, 1).repeat(2, 2))
    assert expected.shape == (2, 8, 12, 5)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('first', [False, True])
def test_a_down_block_takes_means_after_both_of_its_ways(first):
    block = DownBlock(5, 4, first=first, **INIT)
    got, v = trained(block, drawn(block, X), X)
    assert sorted(v['batch_stats']) == ['spectral_conv_0', 'spectral_conv_1', 'spectral_shortcut']
    y = conv(v, 'conv_1', relu(conv(v, 'conv_0', X if first else relu(X))))
    expected = mean(y) + mean(conv(v, 'shortcut', X))
    assert expected.shape == (2, 2, 3, 5)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ('features', 'down', 'identity_shortcut', 'shortcut'),
    [
        (3, False, True, 'x'),
        (3, True, True, 'learned'),
        (5, False, True, 'learned'),
        (3, False, False, 'none'),
        (3, True, False, 'none'),
        (5, True, False, 'learned'),
    ],
)
def test_the_shortcut_depends_on_what_changes(features, down, identity_shortcut, shortcut):
    block = DownBlock(features, features, down=down, identity_shortcut=identity_shortcut, **INIT)
    got, v = trained(block, drawn(block, X), X)
    assert ('shortcut' in v['params']) == (shortcut == 'learned')
    y = conv(v, 'conv_1', relu(conv(v, 'conv_0', relu(X))))
    if shortcut == 'learned':
        y = y + conv(v, 'shortcut', X)
    y = mean(y) if down else y
    expected = y + X if shortcut == 'x' else y
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)
