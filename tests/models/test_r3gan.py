"""R3GAN: the published counts, its passes in NumPy, its first weights, and its types."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models import r3gan
from gan_jax.models.critic import Critic
from tests import small
from tests.parameters import count, initial

LABEL = np.array([0, 2, 1])


def latents(length=5, n=3):
    return np.random.default_rng(0).standard_normal((n, length)).astype('float32')


def images(side, n=3, channels=3):
    return np.random.default_rng(1).random((n, side, side, channels)).astype('float32')


# Parameters --------------------------------------------------------------------------------------

FFHQ = (*(768,) * 4, 384)
PUBLISHED = [
    (32, (768,) * 4, 16, 10, 20_781_952, 21_280_512),
    (32, (768,) * 4, 16, 0, 20_732_160, 20_683_776),
    (64, FFHQ, 16, 0, 22_429_824, 22_381_440),
    (256, (*FFHQ, 192, 96), 16, 0, 23_057_952, 23_009_568),
    (32, (1536,) * 4, 32, 1000, 82_914_304, 86_548_992),
    (64, (1536,) * 5, 32, 1000, 103_570_432, 107_205_120),
]
NAMES = ['cifar10', 'without classes', 'ffhq64', 'ffhq256', 'imagenet32', 'imagenet64']
published = pytest.mark.parametrize(
    ('side', 'widths', 'group_size', 'classes', 'of_g', 'of_d'), PUBLISHED, ids=NAMES
)


@published
def test_parameters_are_as_many_as_in_the_published_networks(
    side, widths, group_size, classes, of_g, of_d
):
    generator = r3gan.Generator((side, side, 3), widths, group_size, classes)
    trunk = r3gan.Trunk(widths, group_size)
    critic = Critic(trunk, logit=r3gan.Logit(classes))
    start = partial(generator.init_with_output, train=True)
    image, variables = jax.eval_shape(start, jax.random.key(0), latents(64), LABEL)
    assert image.shape == (3, side, side, 3)
    assert count(variables) == of_g
    start = partial(critic.init_with_output, train=True)
    out, variables = jax.eval_shape(start, jax.random.key(0), np.zeros((3, side, side, 3)), LABEL)
    assert (out['features'].shape, out['logit'].shape) == ((3, widths[0]), (3,))
    assert count(variables) == of_d


@pytest.mark.parametrize(('width', 'group_size'), [(768, 16), (1536, 32)])
def test_the_published_number_is_of_groups_and_not_of_channels_in_one(width, group_size):
    """96 of each; in R3GAN2 the number in its place, 32, is of channels."""
    block = r3gan.Block(group_size, 8)
    kernel = initial(block, np.zeros((1, 4, 4, width)))['params']['conv']['kernel']
    assert kernel.shape == (3, 3, group_size, 2 * width) and 2 * width // group_size == 96


def test_no_layer_is_normalised_and_few_have_a_bias():
    generator = r3gan.Generator((8, 8, 3), (8, 4), 4, num_classes=3)
    trunk, logit = r3gan.Trunk((8, 4), 4), r3gan.Logit(3)
    found = [
        initial(generator, latents(), LABEL),
        initial(Critic(trunk, logit=logit), images(8), LABEL),
    ]
    assert all({*variables} == {'params'} for variables in found)
    params = found[0]['params'] | found[1]['params']['trunk'] | found[1]['params']['logit']
    kernels = {'dense', 'classes', 'width_1', 'image'}
    blocks = {f'block_{i}_{j}' for i in range(2) for j in range(2)}
    assert {*params} == kernels | blocks | {'basis'}
    assert all({*params[name]} == {'kernel'} for name in kernels)
    for name in blocks:
        layers = {layer: {*own} for layer, own in params[name].items()}
        both = {'kernel', 'bias'}
        assert layers == {'widen': both, 'conv': both, 'narrow': {'kernel'}}


# Passes in NumPy ---------------------------------------------------------------------------------


def leaky(x):
    return np.where(x < 0, 0.2 * x, x)


def grouped(x, kernel, bias):
    """3×3 with zeros around, each channel of the result for itself."""
    _, height, width, channels = x.shape
    inside, features = kernel.shape[2:]
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    out = np.zeros((len(x), height, width, features))
    for f in range(features):
        first = f // (features * inside // channels) * inside
        for i in range(3):
            for j in range(3):
                window = padded[:, i : i + height, j : j + width, first : first + inside]
                out[..., f] += window @ kernel[i, j, :, f]
    return out + bias


def block_of(x, p):
    y = leaky(x @ p['widen']['kernel'] + p['widen']['bias'])
    y = leaky(grouped(y, p['conv']['kernel'], p['conv']['bias']))
    return x + y @ p['narrow']['kernel']


def resampling():
    """The matrix [8, 4] that doubles an axis of 4."""
    up = np.zeros((8, 4))
    for i in range(4):
        for place, weight in ((2 * i - 1, 1), (2 * i, 3), (2 * i + 1, 3), (2 * i + 2, 1)):
            if 0 <= place < 8:
                up[place, i] = weight / 4
    return up


def resampled(matrix, x):
    return np.einsum('ai,bj,nijc->nabc', matrix, matrix, x)


def generated(p, z, label):
    one_hot = np.eye(3)[label]
    z = np.concatenate([z, one_hot @ p['classes']['kernel']], axis=1)
    x = (z @ p['dense']['kernel'])[:, None, None] * p['basis']
    for j in range(2):
        x = block_of(x, p[f'block_0_{j}'])
    x = resampled(resampling(), x @ p['width_1']['kernel'])
    for j in range(2):
        x = block_of(x, p[f'block_1_{j}'])
    return (x @ p['image']['kernel'] + 1) / 2


def features_of(p, image):
    x = (2 * image - 1) @ p['image']['kernel']
    for j in range(2):
        x = block_of(x, p[f'block_1_{j}'])
    x = resampled(resampling().T / 2, x) @ p['width_1']['kernel']
    for j in range(2):
        x = block_of(x, p[f'block_0_{j}'])
    return np.sum(x * p['basis'], axis=(1, 2))


def logit_of(p, features, label):
    return np.sum(features @ p['dense']['kernel'] * p['classes']['kernel'][label], axis=1)


def numbers(module, *arguments):
    return small.numbers(initial(module, *arguments), np.random.default_rng(3), 'float64')


def close(found, expected):
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize('sign', [1, -1])
def test_a_block_is_its_formula(sign, x64):
    x = np.random.default_rng(4).standard_normal((2, 5, 3, 4))
    block = r3gan.Block(2, 8)
    variables = numbers(block, x)
    close(block.apply(variables, sign * x, train=True), block_of(sign * x, variables['params']))


def test_the_generator_is_its_formula(x64):
    generator = r3gan.Generator((8, 8, 3), (6, 4), 2, num_classes=3)
    z = latents().astype(float)
    variables = numbers(generator, z, LABEL)
    variables['params']['image']['kernel'] *= 9  # so that values leave the interval
    expected = generated(variables['params'], z, LABEL)
    close(generator.apply(variables, z, LABEL, train=True), expected)
    assert expected.min() < 0 and expected.max() > 1  # there is no tanh
    clipped = generator.apply(variables, z, LABEL, train=False)
    close(clipped, np.clip(expected, 0, 1))


def test_the_discriminator_is_its_formula(x64):
    image = images(8).astype(float)
    critic = Critic(r3gan.Trunk((6, 4), 2), logit=r3gan.Logit(3))
    variables = numbers(critic, image, LABEL)
    out = critic.apply(variables, image, LABEL, train=True)
    features = features_of(variables['params']['trunk'], image)
    close(out['features'], features)
    close(out['logit'], logit_of(variables['params']['logit'], features, LABEL))


def test_the_logit_without_classes_is_a_product(x64):
    features = latents().astype(float)
    logit = r3gan.Logit()
    variables = numbers(logit, features, LABEL)
    found = logit.apply(variables, features, LABEL, train=True)['logit']
    close(found, features @ variables['params']['dense']['kernel'][:, 0])


# First weights -----------------------------------------------------------------------------------


def start(module, *arguments):
    return small.jit(partial(module.init, train=True))(jax.random.key(0), *arguments)['params']


def has_spread(array, deviation, tolerance=0.05):
    array = np.asarray(array)
    assert abs(array.mean()) < 4 * deviation / np.sqrt(array.size)
    np.testing.assert_allclose(array.std(), deviation, rtol=tolerance)
    assert np.abs(array).max() > 2.5 * deviation  # normal, and not cut off at twice that


def test_a_layer_before_a_leaky_relu_keeps_the_mean_square_but_for_the_number_of_blocks():
    """The gain is sqrt(2 / 1.04) = 1.387, with no gain in the activation: not 1.414 or 1.546."""
    x = np.random.default_rng(5).standard_normal((64, 2, 2, 64)).astype('float32')
    for blocks in (1, 16):
        p = start(r3gan.Block(16, blocks), x)
        has_spread(p['widen']['kernel'], 1.38675 * blocks**-0.25 / np.sqrt(64))
        has_spread(p['conv']['kernel'], 1.38675 * blocks**-0.25 / np.sqrt(9 * 16))
        assert not any(p[layer]['bias'].any() for layer in ('widen', 'conv'))
        assert not p['narrow']['kernel'].any()
        y = leaky(x @ np.asarray(p['widen']['kernel']))
        np.testing.assert_allclose(np.mean(y**2), blocks**-0.5, rtol=0.03)


def test_blocks_count_over_the_whole_network():
    p = start(r3gan.Trunk((16, 16, 16), 16), images(16, n=1))
    has_spread(p['block_2_1']['conv']['kernel'], 1.38675 * 6**-0.25 / 12)
    p = start(r3gan.Generator((4, 4, 1), (64,)), latents(8), LABEL)
    has_spread(p['block_0_0']['conv']['kernel'], 1.38675 * 2**-0.25 / 12)


@pytest.mark.slow
def test_other_layers_keep_the_variance():
    generator = r3gan.Generator((8, 8, 3), (256, 96), 16, num_classes=10)
    p = start(generator, latents(64), LABEL)
    has_spread(p['classes']['kernel'], 1 / np.sqrt(10), 0.1)
    has_spread(p['dense']['kernel'], 1 / np.sqrt(64 + 64))
    has_spread(p['basis'], 1.0)
    has_spread(p['width_1']['kernel'], 1 / 16)
    has_spread(p['image']['kernel'], 1 / np.sqrt(96), 0.15)
    critic = Critic(r3gan.Trunk((256, 96), 16), logit=r3gan.Logit(10))
    p = start(critic, images(8, n=1), LABEL[:1])
    has_spread(p['trunk']['image']['kernel'], 1 / np.sqrt(3), 0.1)
    has_spread(p['trunk']['basis'], 1 / 4)
    has_spread(p['logit']['dense']['kernel'], 1 / 16)
    has_spread(p['logit']['classes']['kernel'], 1 / np.sqrt(256 * 10))


@pytest.mark.slow
def test_both_networks_are_linear_at_first():
    generator = r3gan.Generator((8, 8, 3), (8, 4), 4)
    p = start(generator, latents(), LABEL)
    run = small.jit(lambda z: generator.apply({'params': p}, z, LABEL, train=True))
    one, two = (2 * run(k * latents()) - 1 for k in (1, 2))
    np.testing.assert_allclose(two, 2 * one, rtol=0, atol=1e-5)
    trunk = r3gan.Trunk((8, 4), 4)
    p = start(trunk, images(8))
    a, b = images(8), images(8)[::-1]
    run = small.jit(lambda x: trunk.apply({'params': p}, x, train=True))
    of_a, of_b, of_mean = (run(x) for x in (a, b, (a + b) / 2))
    np.testing.assert_allclose(of_mean, (of_a + of_b) / 2, rtol=0, atol=1e-5)


# Types and errors --------------------------------------------------------------------------------


def types_of(module, *arguments):
    """The type of what each block returns, and of the network's result."""
    run = partial(
        module.init_with_output,
        train=True,
        capture_intermediates=lambda one, _: isinstance(one, r3gan.Block),
    )
    out, variables = jax.eval_shape(run, jax.random.key(0), *arguments)
    assert {str(x.dtype) for x in jax.tree.leaves(variables['params'])} == {'float32'}
    found = {name: m['__call__'][0].dtype for name, m in variables['intermediates'].items()}
    return [str(found[f'block_{i}_1']) for i in range(len(found) // 2)], str(out.dtype)


@pytest.mark.usefixtures('mixed_types')
@pytest.mark.parametrize(('sizes', 'exact'), [(2, 1), (4, 1), (5, 1), (6, 2), (7, 3)])
def test_half_precision_is_in_the_four_largest_sizes_but_not_in_the_smallest(sizes, exact):
    side, widths = 2 << sizes, (2,) * sizes
    expected = (['float32'] * exact + ['bfloat16'] * (sizes - exact), 'float32')
    generator = r3gan.Generator((side, side, 1), widths, 2, dtype=jnp.bfloat16)
    assert types_of(generator, latents(), LABEL) == expected
    trunk = r3gan.Trunk(widths, 2, dtype=jnp.bfloat16)
    assert types_of(trunk, images(side, channels=1)) == expected


@pytest.mark.parametrize('shape', [(8, 8, 3), (32, 16, 3), (14, 14, 3)])
def test_widths_of_another_size_are_refused(shape):
    sentence = (
        f'R3GAN with 3 widths has no layers for images of {shape[0]}x{shape[1]}: give a width'
    )
    with pytest.raises(ValueError, match=sentence):
        initial(r3gan.Generator(shape, (4,) * 3, 2), latents(), LABEL)
    with pytest.raises(ValueError, match=sentence):
        initial(r3gan.Trunk((4,) * 3, 2), np.zeros((1, *shape)))


def test_no_widths_and_widths_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match='give a width for each of its maps, 4x4, or'):
        initial(r3gan.Trunk((), 2), images(4))
    with pytest.raises(ValueError, match='12 channels, twice a width of 6, do not .* of 16'):
        initial(r3gan.Generator((8, 8, 3), (16, 6)), latents(), LABEL)
