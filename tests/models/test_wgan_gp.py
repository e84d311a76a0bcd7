"""WGAN-GP's networks: the authors' counts, the trunk in NumPy, its norms, its sizes."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from gan_jax.models import resnet, wgan_gp
from gan_jax.models.critic import Critic, Logit
from tests import small
from tests.parameters import biases_of_blocks, count, initial

UP = {16: (128,) * 3, 32: (128,) * 4, 64: (512, 512, 256, 128, 64)}


def conv(inputs, features, side=3, bias=True):
    """Parameters of a convolution."""
    return side * side * inputs * features + bias * features


def block(inputs, hidden, features):
    """Parameters of a residual block with a shortcut by 1×1."""
    return conv(inputs, hidden) + conv(hidden, features) + conv(inputs, features, 1)


def of_generator(up):
    """Parameters by hand, with a bias in every layer."""
    blocks = sum(block(i, o, o) + 2 * i + 2 * o for i, o in pairwise(up))
    return 128 * 16 * up[0] + 16 * up[0] + blocks + 2 * up[-1] + conv(up[-1], 3)


@pytest.mark.parametrize('side', UP)
def test_generators_have_the_authors_parameters(side):
    assert of_generator(UP[32]) == 1_204_483
    made = initial(resnet.Generator((side, side, 3), up=UP[side]), np.zeros((2, 128), 'f4'), None)
    assert count(made) + biases_of_blocks(made) == of_generator(UP[side])


@pytest.mark.parametrize('side', [16, 32, 64])
@pytest.mark.parametrize('layer_norm', [False, True])
def test_discriminators_have_the_authors_parameters(side, layer_norm):
    logit = Logit(initializer='glorot', normalised=False)
    critic = Critic(wgan_gp.Trunk(layer_norm=layer_norm), logit=logit)
    found = initial(critic, np.zeros((2, side, side, 3), 'f4'), np.zeros(2, int))
    if side < 64:
        same = conv(128, 128)
        expected = block(3, 128, 128) + block(128, 128, 128) + 4 * same + 129
        assert expected == 1_053_825
        expected += layer_norm * 3 * 2 * 2 * 128
    else:
        widths = (64, 128, 256, 512, 512)
        pairs = [*pairwise(widths)]
        expected = conv(3, 64) + sum(block(i, i, o) for i, o in pairs) + 16 * 512 + 1
        expected += layer_norm * sum(4 * i for i, _ in pairs)
    assert count(found) == expected
    assert {*found} == {'params'}  # neither running statistics nor vectors of a power iteration


@pytest.mark.parametrize('side', [8, 40, 128])
def test_other_sizes_are_refused(side):
    with pytest.raises(
        ValueError, match='WGAN-GP takes .* multiples of 4 up to 32 pixels, of 16 up'
    ):
        initial(wgan_gp.Trunk(), np.zeros((2, side, side, 1), 'f4'))


def test_a_generator_of_own_channels_has_one_size():
    message = 'SN-ResNet with as many .* 8 up to 32 .* not 16x16: change up or data.size'
    with pytest.raises(ValueError, match=message):
        initial(resnet.Generator((16, 16, 1), up=(4,) * 4), np.zeros((2, 8), 'f4'), None)


# The trunk in NumPy ------------------------------------------------------------------------------


def convolved(x, p):
    """3×3 with zeros around, or 1×1."""
    kernel = p['kernel']
    if kernel.ndim == 2:
        return x @ kernel + p['bias']
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    height, width = x.shape[1:3]
    shifts = [(i, j) for i in range(3) for j in range(3)]
    return p['bias'] + sum(
        padded[:, i : i + height, j : j + width] @ kernel[i, j] for i, j in shifts
    )


def pooled(x):
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4))


def activated(x, p, name):
    if name in p:
        mean, var = x.mean((1, 2, 3), keepdims=True), x.var((1, 2, 3), keepdims=True)
        x = (x - mean) / np.sqrt(var + 1e-5) * p[name]['scale'] + p[name]['bias']
    return np.maximum(x, 0)


def residual(x, p, *, halves, first=False):
    y = convolved(x if first else activated(x, p, 'norm_0'), p['conv_0'])
    y = convolved(activated(y, p, 'norm_1'), p['conv_1'])
    y = pooled(y) if halves else y
    if 'shortcut' not in p:
        return y + x
    return y + convolved(pooled(x) if halves else x, p['shortcut'])


@pytest.mark.parametrize('layer_norm', [False, True])
@pytest.mark.parametrize('side', [16, pytest.param(64, marks=pytest.mark.slow)])
def test_a_trunk_is_the_numpy_one(side, layer_norm):
    image = np.random.default_rng(0).random((2, side, side, 2)).astype('f4')
    module = wgan_gp.Trunk(width=0.03, layer_norm=layer_norm)
    variables = small.numbers(initial(module, image), np.random.default_rng(1), 'float32')
    p, x = variables['params'], 2 * image - 1
    if side == 64:
        x = convolved(x, p['image'])
        for i in range(1, 5):
            x = residual(x, p[f'block_{i}'], halves=True)
        x = x.reshape(2, -1)
    else:
        for i in range(4):
            x = residual(x, p[f'block_{i}'], halves=i < 2, first=i == 0)
        x = np.maximum(x, 0).mean((1, 2))
    got = small.jit(partial(module.apply, train=True))(variables, image)
    np.testing.assert_allclose(got, x, rtol=1e-4, atol=1e-4 * np.abs(x).max())
    norms = {name for own in p.values() for name in own if name.startswith('norm')}
    assert norms == ({'norm_0', 'norm_1'} if layer_norm else set())
