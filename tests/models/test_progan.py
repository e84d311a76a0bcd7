"""ProGAN: the published counts, both passes in NumPy, the sizes of values at first."""

from functools import partial

import numpy as np
import pytest

from gan_jax.models import progan
from gan_jax.models.critic import Critic
from gan_jax.models.stylegan2.discriminator import Logit, spreads
from tests import small
from tests.parameters import count, initial

SMALL = dict(base=24, most=4)
LABEL = np.array([0, 2, 1, 0])


def latents(n=4, size=5):
    return np.random.default_rng(0).standard_normal((n, size)).astype('f4')


@pytest.mark.slow
def test_parameters_at_1024_pixels_are_those_of_table_2():
    generator = progan.Generator((1024, 1024, 3))
    made = count(initial(generator, latents(2, 512), None))
    critic = Critic(progan.Trunk(), logit=Logit())
    found = count(initial(critic, np.zeros((4, 1024, 1024, 3), 'f4'), LABEL))
    assert (made, found) == (23_071_507, 23_077_137)
    # The authors' generator has an RGB layer at eight smaller sides too.
    smaller = 3 * (4 * 512 + 256 + 128 + 64 + 32) + 8 * 3
    assert made + smaller == 23_079_115
    assert round(made / 1e6, 1) == round(found / 1e6, 1) == 23.1  # as the table has them
    text = progan.__doc__
    assert f'{made:,} and {found:,}' in ' '.join(text.split())


def test_channels_are_those_of_table_2():
    made = initial(progan.Generator((1024, 1024, 3)), latents(2, 512), None)['params']
    widths = [made[f'conv_{2**n}_1']['kernel'].shape[-1] for n in range(3, 11)]
    assert widths == [512, 512, 512, 256, 128, 64, 32, 16]


# Passes in NumPy ---------------------------------------------------------------------------------


def leaky(x):
    return np.where(x < 0, 0.2 * x, x)


def conv(x, p):
    """3×3 with zeros around, and √2 / √inputs times the stored weights."""
    kernel = p['kernel'] * np.sqrt(2 / (9 * x.shape[-1]))
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    height, width = x.shape[1:3]
    out = p['bias']
    for i in range(3):
        for j in range(3):
            out = out + padded[:, i : i + height, j : j + width] @ kernel[i, j]
    return leaky(out)


def pixel_norm(x):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-8)


def made(module, *arguments):
    return small.numbers(initial(module, *arguments), np.random.default_rng(3), 'float32')


@pytest.mark.parametrize('classes', [0, 3])
def test_a_generator_is_the_numpy_one(classes):
    z = latents()
    module = progan.Generator((8, 8, 2), num_classes=classes, **SMALL)
    variables = made(module, z, LABEL)
    p = variables['params']
    p['image']['kernel'] *= 5  # leaves [0, 1]
    x = np.concatenate([z, np.eye(3, dtype='f4')[LABEL]], 1) if classes else z
    x = pixel_norm(x)
    x = x @ p['dense']['kernel'] * np.sqrt(2) / 4 / np.sqrt(x.shape[1])
    x = pixel_norm(leaky(x.reshape(4, 4, 4, 4) + p['bias']))
    x = pixel_norm(conv(x, p['conv_4']))
    x = pixel_norm(conv(x.repeat(2, 1).repeat(2, 2), p['conv_8_0']))
    x = pixel_norm(conv(x, p['conv_8_1']))
    assert x.shape[-1] == 3  # 24 / 8
    x = x @ p['image']['kernel'] / np.sqrt(3) + p['image']['bias']
    run = small.jit(module.apply, static_argnames='train')
    image = (x + 1) / 2
    np.testing.assert_allclose(run(variables, z, LABEL, train=True), image, rtol=1e-4, atol=1e-4)
    assert image.min() < 0 and image.max() > 1
    kept = run(variables, z, LABEL, train=False)
    np.testing.assert_allclose(kept, np.clip(image, 0, 1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('group', [0, 2])
def test_a_trunk_is_the_numpy_one(group):
    image = np.random.default_rng(1).random((4, 8, 8, 2)).astype('f4')
    module = progan.Trunk(group=group, **SMALL)
    variables = made(module, image)
    p = variables['params']
    x = (2 * image - 1) @ p['from_image']['kernel'] + p['from_image']['bias']
    x = leaky(x)  # √2 / √2 colours
    x = conv(x, p['conv_8_0'])
    kernel = p['conv_8_1']  # the mean before the bias and the leaky ReLU
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    y = sum(
        padded[:, i : i + 8, j : j + 8] @ kernel['kernel'][i, j] for i in range(3) for j in range(3)
    ) * np.sqrt(2 / 27)
    x = leaky(y.reshape(4, 4, 2, 4, 2, 4).mean((2, 4)) + kernel['bias'])
    if group:
        own = np.asarray(spreads(x.astype('f4'), group))
        x = np.concatenate([x, np.broadcast_to(own[:, None, None, None], (4, 4, 4, 1))], -1)
    x = conv(x, p['conv_4']).reshape(4, -1)
    x = leaky(x @ p['dense']['kernel'] * np.sqrt(2 / 64) + p['dense']['bias'])
    run = small.jit(partial(module.apply, train=True, mutable=['averages']))
    np.testing.assert_allclose(run(variables, image)[0], x, rtol=1e-4, atol=1e-4)
    assert 'averages' in variables if group else {*variables} == {'params'}


def test_a_size_without_layers_is_refused():
    with pytest.raises(ValueError, match='ProGAN takes images .* and not 12x11'):
        initial(progan.Generator((12, 11, 1)), latents(), None)


def test_pixel_norm_is_of_each_place():
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype('f4')
    y = np.asarray(progan.pixel_norm(x))
    np.testing.assert_allclose((y**2).mean(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(y, pixel_norm(x), rtol=1e-5)
