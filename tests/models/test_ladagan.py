"""LadaGAN: parameters by hand, its blocks and both passes in NumPy, its linear cost."""

import math
from functools import partial
from itertools import pairwise

import jax
import numpy as np
import pytest

from gan_jax.models import ladagan
from gan_jax.models.critic import Critic
from gan_jax.models.patches import PatchLogit
from tests import small
from tests.parameters import count, initial

LABEL = np.array([0, 2, 1])


# Parameters --------------------------------------------------------------------------------------


def dense(inputs, outputs, bias=True):
    return (inputs + bias) * outputs


def conv(inputs, outputs, side=3, bias=True):
    return (side * side * inputs + bias) * outputs


def block(c, hidden, heads, norm):
    """Of the authors' block: q, k, v, out; scores; two norms; two dense layers."""
    return 4 * dense(c, c) + dense(c, heads) + 2 * norm + dense(c, hidden) + dense(hidden, c)


def modulated(c, z):
    return dense(z, c) + 2 * dense(c, c)


def test_a_generator_of_32_pixels_has_the_parameters_of_the_authors():
    made = count(initial(ladagan.Generator((32, 32, 3)), np.zeros((2, 128), 'f4'), None))
    sizes = {1024: 64, 256: 256, 64: 1024}
    blocks = sum(block(c, 512, 4, modulated(c, 128)) + n * c for c, n in sizes.items())
    ends = dense(128, 64 * 1024, bias=False) + conv(64, 3)
    assert made == blocks + ends + conv(256, 256) + conv(64, 64) == 19_901_647
    assert f'{made:,} parameters' in ' '.join(ladagan.__doc__.split())


@pytest.mark.parametrize(
    ('side', 'widths'), [(32, (128, 256)), (64, (64, 128, 256)), (128, (32, 64, 128, 256))]
)
def test_a_discriminator_has_the_parameters_of_the_authors(side, widths):
    logit = PatchLogit(initializer='orthogonal', normalised=False)
    critic = Critic(ladagan.Trunk(widths), logit=logit)
    image, label = np.zeros((2, side, side, 3), 'f4'), np.zeros(2, int)
    downs = sum(
        conv(i, o, bias=False) + conv(o, o, bias=False) + dense(i, o, bias=False) + 3 * 2 * o
        for i, o in pairwise(widths)
    )
    ends = conv(3, widths[0], bias=False) + 256 * 256 + conv(1024, 512) + 512 * 1024 + 16 * 1024
    assert count(initial(critic, image, label)) == downs + ends + block(256, 512, 4, 2 * 256)


# Passes in NumPy ---------------------------------------------------------------------------------


def linear(x, p):
    return x @ p['kernel'] + p.get('bias', 0)


def convolved(x, p, stride=1):
    """3×3; of stride 2 with its zeros after the map alone, as TensorFlow pads even sides."""
    kernel, (height, width) = p['kernel'], x.shape[1:3]
    around = (1, 1) if stride == 1 else (0, 1)
    padded = np.pad(x, [(0, 0), around, around, (0, 0)])
    return p.get('bias', 0) + sum(
        padded[:, i : i + height : stride, j : j + width : stride] @ kernel[i, j]
        for i in range(3)
        for j in range(3)
    )


def standard(x, axes, epsilon):
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + epsilon)


def normed(x, z, p):
    y = standard(x, -1, 1e-6)
    if z is None:
        return y * p['scale'] + p['bias']
    hidden = np.maximum(linear(z, p['hidden']), 0)
    return y * linear(hidden, p['gain'])[:, None] + linear(hidden, p['bias'])[:, None]


def attention(x, p, heads):
    """Head by head and place by place."""
    q, k, v = (linear(x, p[name]) for name in 'qkv')
    scores = linear(q, p['scores']) / math.sqrt(q.shape[-1] // heads)
    out = np.zeros_like(q)
    for n in range(len(x)):
        for h, part in enumerate(np.split(np.arange(q.shape[-1]), heads)):
            weights = np.exp(scores[n, :, h])
            shared = (weights / weights.sum()) @ q[n][:, part]
            out[n][:, part] = shared * k[n][:, part] * v[n][:, part]
    return linear(out, p['out'])


def gelu(x):
    return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2


def transformed(x, z, p, places, heads):
    n, height, width, c = x.shape
    x = x.reshape(n, -1, c) + places
    x = x + attention(normed(x, z, p['norm_0']), p['attention'], heads)
    y = linear(gelu(linear(normed(x, z, p['norm_1']), p['dense_0'])), p['dense_1'])
    return (y if z is not None else y + x).reshape(n, height, width, c)


def to_places(x, times):
    n, h, w, c = x.shape
    out = np.zeros((n, h * times, w * times, c // times**2))
    for i in range(times):
        for j in range(times):
            first = (i * times + j) * out.shape[-1]
            out[:, i::times, j::times] = x[..., first : first + out.shape[-1]]
    return out


def made(module, *arguments):
    return small.numbers(initial(module, *arguments), np.random.default_rng(3), 'float32')


@pytest.mark.slow
@pytest.mark.parametrize(
    ('side', 'classes'), [(16, 3), pytest.param(64, 0, marks=pytest.mark.slow)]
)
def test_a_generator_is_the_numpy_one(side, classes):
    z = np.random.default_rng(0).standard_normal((3, 5)).astype('f4')
    module = ladagan.Generator((side, side, 2), (16, 8, 4), 2, 6, classes)
    variables = made(module, z, LABEL)
    p = variables['params']
    p['image']['kernel'] *= 4  # leaves [0, 1]
    both = np.concatenate([z, np.eye(3, dtype='f4')[LABEL]], 1) if classes else z
    first = min(side, 32) // 4
    x = linear(both, p['dense']).reshape(3, first, first, 16)
    for i in range(3):
        if i:
            x = convolved(to_places(x, 2), p[f'conv_{i}'])
        x = transformed(x, both, p[f'block_{i}'], p[f'block_{i}_places'], heads=2)
    image = (convolved(to_places(x, side // x.shape[1]), p['image']) + 1) / 2
    run = small.jit(module.apply, static_argnames='train')
    close = dict(rtol=1e-4, atol=1e-4 * np.abs(image).max())
    np.testing.assert_allclose(run(variables, z, LABEL, train=True), image, **close)
    assert image.min() < 0 and image.max() > 1
    kept = run(variables, z, LABEL, train=False)
    np.testing.assert_allclose(kept, np.clip(image, 0, 1), **close)


@pytest.mark.parametrize('widths', [(4,), (3, 4)])
def test_a_trunk_is_the_numpy_one(widths):
    side = 16 * len(widths)
    image = np.random.default_rng(1).random((3, side, side, 2)).astype('f4')
    module = ladagan.Trunk(widths, out=(5, 6), heads=2, hidden=6)
    variables = made(module, image)
    p = variables['params']

    def leaky(x):
        return np.where(x < 0, 0.2 * x, x)

    x = leaky(convolved(2 * image - 1, p['image']))
    if len(widths) == 2:
        d = p['down_0']

        def activated(name, x):
            return leaky(standard(x, (0, 1, 2), 1e-3) * d[name]['scale'] + d[name]['bias'])

        y = convolved(activated('norm_0', convolved(x, d['conv_0'], 2)), d['conv_1'])
        mean = x.reshape(3, 16, 2, 16, 2, 3).mean((2, 4))
        x = (activated('norm_1', y) + activated('norm', linear(mean, d['shortcut']))) / 2
    x = transformed(x, None, p['block'], p['block_places'], heads=2)
    corners = [x[:, i::2, j::2] for i in range(2) for j in range(2)]
    x = convolved(np.concatenate(corners, -1), p['conv'])
    x = leaky(linear(x, p['dense'])).reshape(3, -1)
    run = small.jit(partial(module.apply, train=True, mutable=['batch_stats']))
    got, after = run(variables, image)
    np.testing.assert_allclose(got, x, rtol=1e-4, atol=1e-4 * np.abs(x).max())
    assert after.keys() == variables.keys() - {'params'}
    if len(widths) == 2:
        mean = convolved(leaky(convolved(2 * image - 1, p['image'])), d['conv_0'], 2).mean(
            (0, 1, 2)
        )
        old, new = (v['batch_stats']['down_0']['norm_0']['mean'] for v in (variables, after))
        np.testing.assert_allclose(new, 0.99 * old + 0.01 * mean, rtol=1e-3, atol=1e-5)


def test_channels_become_places_and_places_channels_again():
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 8)).astype('f4')
    y = ladagan.to_places(x, 2)
    np.testing.assert_array_equal(y, to_places(x, 2))
    np.testing.assert_array_equal(ladagan.to_channels(y), x)


def test_attention_has_no_product_of_places_with_places():
    """Twice the places are twice the work: no array has L² numbers."""
    module, length = ladagan.Attention(2), 64
    x = np.zeros((1, length, 4), 'f4')
    jaxpr = jax.make_jaxpr(lambda x: module.init_with_output(jax.random.key(0), x)[0])(x)
    sizes = [v.aval.size for e in jaxpr.eqns for v in e.outvars if hasattr(v.aval, 'size')]
    assert length * 4 <= max(sizes) < length**2


# Sizes -------------------------------------------------------------------------------------------


def test_other_sizes_widths_and_heads_are_refused():
    z = np.zeros((2, 5), 'f4')
    with pytest.raises(ValueError, match='LadaGAN takes images .* above 8, and not 8x8'):
        initial(ladagan.Generator((8, 8, 1)), z, None)
    with pytest.raises(
        ValueError, match='4 widths .* 8 times smaller .* 20x16 are no multiples of 8'
    ):
        initial(ladagan.Generator((20, 16, 1), (64,) * 4), z, None)
    for number in (0, 7):
        with pytest.raises(ValueError, match=f'{number} widths .* 32 pixels .* give 1 to 6'):
            initial(ladagan.Generator((32, 32, 1), (4,) * number), z, None)
    for widths in ((), (4, 4)):
        words = (
            f'{len(widths)} widths .* 64x64: give .* of its maps, 16x16, 32x32, 64x64, or change'
        )
        with pytest.raises(ValueError, match=f"LadaGAN's discriminator with {words}"):
            initial(ladagan.Trunk(widths), np.zeros((2, 64, 64, 1), 'f4'))
    with pytest.raises(ValueError, match='LadaGAN takes images .*, and not 256x256'):
        initial(ladagan.Trunk((4,) * 5), np.zeros((2, 256, 256, 1), 'f4'))
    with pytest.raises(ValueError, match='out has the channels of two layers, not 1: change out'):
        initial(ladagan.Trunk((4,), (4,), 2), np.zeros((2, 16, 16, 1), 'f4'))
    with pytest.raises(ValueError, match='6 channels do not divide into 4 heads: change heads'):
        initial(ladagan.Generator((16, 16, 1), (6, 4, 4)), z, None)
    with pytest.raises(ValueError, match='6 channels do not divide into 4 places: change widths'):
        initial(ladagan.Generator((16, 16, 1), (6, 4, 4), heads=2), z, None)
