"""The digits classifier as a feature network: its maps beside NumPy, and what it does not take."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import data
from gan_jax.extractors import digits


@pytest.fixture(scope='module')
def images():
    return data.load('digits', split='test').images[:3] / np.float32(255)


def gelu(x):
    """The tanh form, which JAX takes."""
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def convolved(x, kernel, bias, stride):
    """3×3 on padded maps [N, H, W, C], window by window; stride 2 pads at the end."""
    before = 1 if stride == 1 else 0
    x = np.pad(x, [(0, 0), (before, 1), (before, 1), (0, 0)])
    side = (x.shape[1] - 3) // stride + 1
    out = np.zeros((len(x), side, side, kernel.shape[-1]))
    for i in range(side):
        for j in range(side):
            window = x[:, stride * i : stride * i + 3, stride * j : stride * j + 3]
            out[:, i, j] = np.einsum('nhwc,hwcf->nf', window, kernel) + bias
    return gelu(out)


def test_maps_are_those_by_hand(images):
    network = digits.digits_net()
    variables = network.load()
    x = 2 * images.astype(np.float64) - 1
    for i, found in enumerate(network.maps(variables, jnp.asarray(images))):
        layer = variables['params'][f'conv_{i}']
        x = convolved(x, layer['kernel'], layer['bias'], 1 if i == 0 else 2)
        np.testing.assert_allclose(found, x, atol=2e-5)
    assert x.shape == (3, 4, 4, 64)


def test_the_last_map_leads_to_the_classes(images):
    network = digits.digits_net()
    *_, last = network.maps(network.load(), jnp.asarray(images))
    layers = network.load()['params']
    hidden = gelu(
        np.asarray(last).reshape(3, -1) @ layers['hidden']['kernel'] + layers['hidden']['bias']
    )
    logits = hidden @ layers['logits']['kernel'] + layers['logits']['bias']
    _, expected = digits.DigitsNet().apply(network.load(), jnp.asarray(images))
    np.testing.assert_allclose(logits, expected, atol=1e-4)


@pytest.mark.parametrize('shape', [(2, 32, 32, 1), (2, 16, 16, 3)])
def test_other_images_are_refused(shape):
    network = digits.digits_net()
    with pytest.raises(ValueError, match='takes grey images of 16x16, not .* change config.data'):
        network.maps(network.load(), jax.ShapeDtypeStruct(shape, jnp.float32))
