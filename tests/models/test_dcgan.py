"""DCGAN: compare_gan's counts, its passes in NumPy, its statistics, its sizes."""

from functools import partial

import jax
import numpy as np
import pytest

from gan_jax.models import dcgan
from gan_jax.models.cgan import ConcatLogit
from gan_jax.models.critic import Critic, Logit
from tests import small
from tests.parameters import count, initial

LABEL = np.array([0, 2, 1])


def biases_before_norms(params):
    """The biases that compare_gan's layers have before a BatchNorm, and ours have not."""
    bare = [layer for layer in params.values() if 'kernel' in layer and 'bias' not in layer]
    return bare, sum(layer['kernel'].shape[-1] for layer in bare)


def test_parameters_at_64_pixels_are_as_many_as_in_the_reference():
    generator = dcgan.Generator((64, 64, 3))
    params = initial(generator, np.zeros((2, 128), 'f4'), None)['params']
    bare, biases = biases_before_norms(params)
    assert len(bare) == 4  # all but the image's
    assert count({'params': params}) + biases == 5_364_739
    critic = Critic(dcgan.Trunk(), logit=Logit(normalised=False))
    variables = initial(critic, np.zeros((2, 64, 64, 3), 'f4'), LABEL[:2])
    bare, biases = biases_before_norms(variables['params']['trunk'])
    assert len(bare) == 3  # all but the first
    assert count(variables) + biases == 4_316_545


@pytest.mark.parametrize(
    ('side', 'widths'),
    [(16, [128, 64]), (32, [256, 128, 64]), (64, [512, 256, 128, 64]), (128, [1024, 512, 256])],
)
def test_maps_have_twice_the_channels_at_half_the_size(side, widths):
    generator = initial(dcgan.Generator((side, side, 1)), np.zeros((2, 8), 'f4'), None)
    trunk = initial(dcgan.Trunk(), np.zeros((2, side, side, 1), 'f4'))
    norms = [generator['params'][f'norm_{i}']['scale'].size for i in range(len(widths))]
    convs = [trunk['params'][f'conv_{i}']['kernel'].shape[-1] for i in range(len(widths))]
    assert norms == widths and convs == [64 << i for i in range(len(widths))]


@pytest.mark.parametrize('shape', [(15, 15, 1), (50, 64, 1), (8, 8, 3)])
def test_other_sizes_are_refused(shape):
    message = 'DCGAN takes .* multiples of 2 up to 32 pixels, of 4 up to 64, of 8 up to 128, the'
    with pytest.raises(ValueError, match=message):
        initial(dcgan.Generator(shape), np.zeros((2, 8), 'f4'), None)
    with pytest.raises(ValueError, match=message):
        initial(dcgan.Trunk(), np.zeros((2, *shape), 'f4'))


# Passes in NumPy ---------------------------------------------------------------------------------


def conv(x, kernel):
    """5×5 of stride 2, with one row of zeros before and two after, as TensorFlow pads."""
    n, height, width, _ = x.shape
    padded = np.pad(x, [(0, 0), (1, 2), (1, 2), (0, 0)])
    out = np.zeros((n, height // 2, width // 2, kernel.shape[-1]))
    for i in range(5):
        for j in range(5):
            out += padded[:, i : i + height : 2, j : j + width : 2] @ kernel[i, j]
    return out


def transposed(x, kernel):
    """Each place adds its 5×5 values around twice its place: the adjoint's places, w reversed."""
    n, height, width, _ = x.shape
    out = np.zeros((n, 2 * height + 3, 2 * width + 3, kernel.shape[-1]))
    for i in range(5):
        for j in range(5):
            out[:, i : i + 2 * height : 2, j : j + 2 * width : 2] += x @ kernel[4 - i, 4 - j]
    return out[:, 1:-2, 1:-2]


def normalised(x, p, mean=None, var=None):
    mean = x.mean((0, 1, 2)) if mean is None else mean
    var = x.var((0, 1, 2)) if var is None else var
    return (x - mean) / np.sqrt(var + 1e-5) * p['scale'] + p['bias']


def made(module, *arguments):
    shapes = initial(module, *arguments)
    return small.numbers(shapes, np.random.default_rng(3), 'float32')


def run(module, variables, *arguments, train):
    apply = partial(module.apply, train=train, mutable=['batch_stats'])
    return small.jit(apply)(variables, *arguments)


def test_a_generator_is_the_numpy_one_with_the_class_beside_the_latents():
    z = np.random.default_rng(0).standard_normal((3, 5)).astype('f4')
    module = dcgan.Generator((16, 16, 2), width=0.05, num_classes=3)
    variables = made(module, z, LABEL)
    got, after = run(module, variables, z, LABEL, train=True)
    p = variables['params']
    flat = np.concatenate([z, np.eye(3)[LABEL]], 1) @ p['dense']['kernel']
    x = flat.reshape(3, 4, 4, 6)
    kept = 0.9 * variables['batch_stats']['norm_0']['var'] + 0.1 * x.var((0, 1, 2))
    np.testing.assert_allclose(after['batch_stats']['norm_0']['var'], kept, rtol=1e-4)
    x = np.maximum(normalised(x, p['norm_0']), 0)
    x = np.maximum(normalised(transposed(x, p['up_1']['kernel']), p['norm_1']), 0)
    x = transposed(x, p['image']['kernel']) + p['image']['bias']
    np.testing.assert_allclose(got, (np.tanh(x) + 1) / 2, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('train', [True, False])
@pytest.mark.parametrize('with_norms', [True, False])
def test_a_trunk_is_the_numpy_one_and_is_evaluated_by_its_running_statistics(train, with_norms):
    image = np.random.default_rng(1).random((3, 16, 16, 2)).astype('f4')
    module = dcgan.Trunk(width=0.05, normalised=with_norms)
    variables = made(module, image)
    got, _ = run(module, variables, image, train=train)
    p = variables['params']
    x = conv(2 * image - 1, p['conv_0']['kernel']) + p['conv_0']['bias']
    x = conv(np.where(x > 0, x, 0.2 * x), p['conv_1']['kernel'])
    if with_norms:
        x = normalised(x, p['norm_1'], *([] if train else kept(variables)))
    else:
        assert {*variables} == {'params'}
        x = x + p['conv_1']['bias']
    x = np.where(x > 0, x, 0.2 * x)
    np.testing.assert_allclose(got, x.reshape(3, -1), rtol=1e-4, atol=1e-4)


def kept(variables):
    stats = variables['batch_stats']['norm_1']
    return stats['mean'], stats['var']


def test_weights_start_with_a_deviation_of_a_fiftieth():
    critic = Critic(dcgan.Trunk(width=0.25), logit=ConcatLogit(3, normalised=False))
    start = small.jit(partial(critic.init, train=True))
    params = start(jax.random.key(0), np.zeros((2, 16, 16, 3), 'f4'), LABEL[:2])['params']
    kernels = [params['trunk'][f'conv_{i}']['kernel'] for i in range(2)]
    for kernel in (*kernels, params['logit']['hidden']['kernel']):
        assert float(kernel.std()) == pytest.approx(0.02, rel=0.1)
