"""BigGAN-deep: the published counts, its passes in NumPy, what its shortcuts keep, its types."""

import re
from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models import biggan_deep
from gan_jax.models.critic import Critic, ProjectionLogit
from gan_jax.models.layers import ConditionalNorm, SelfAttention, initializer
from tests import small
from tests.models.half_precision import check_inside
from tests.parameters import biases_of_blocks, count, initial
from tests.singular import normalised

LABEL = np.array([0, 2, 1])
KERNEL = initializer('orthogonal')


def latents(length=5, n=3):
    return np.random.default_rng(0).standard_normal((n, length)).astype('float32')


def images(side, n=3, channels=3):
    return np.random.default_rng(1).random((n, side, side, channels)).astype('float32')


# Parameters --------------------------------------------------------------------------------------

# Multiples of 128 channels; 128 px is asserted by compare_gan's test, the others StudioGAN's
# code has at commit 947b35e.
PUBLISHED = {
    '128 px': (128, (16, 16, 8, 4, 2, 1), 1000, 64, 64, 4, 50_244_484, 34_590_210),
    '256 px': (256, (16, 16, 8, 8, 4, 2, 1), 1000, 64, 64, 4, 55_736_708, 38_247_426),
    '64 px': (64, (16, 8, 4, 2, 1), 1000, 64, 32, 4, 32_874_372, 20_951_554),
    '32 px': (32, (4, 4, 4, 4), 10, 0, 0, 8, 7_435_267, 2_581_249),
    '32 px with attention': (32, (4, 4, 4, 4), 10, 16, 16, 8, 7_762_948, 2_908_930),
}


@pytest.mark.slow
@pytest.mark.parametrize('name', PUBLISHED)
def test_parameters_are_as_many_as_in_the_published_networks(name):
    side, multiples, classes, of_g, of_d, smallest, generator, critic = PUBLISHED[name]
    widths, shape = [128 * m for m in multiples], (side, side, 3)
    module = biggan_deep.Generator(shape, widths, classes, attention=of_g)
    start = partial(module.init_with_output, train=True)
    image, variables = jax.eval_shape(start, jax.random.key(0), latents(128), LABEL)
    assert image.shape == (3, *shape)
    assert count(variables) + biases_of_blocks(variables) == generator
    trunk = biggan_deep.Trunk(widths, smallest, of_d)
    start = partial(
        Critic(trunk, logit=ProjectionLogit(classes)).init_with_output,
        train=True,
        capture_intermediates=lambda one, _: isinstance(one, biggan_deep.DownBottleneck),
    )
    out, variables = jax.eval_shape(start, jax.random.key(0), np.zeros((3, *shape)), LABEL)
    maps = variables['intermediates']['trunk']
    assert maps[f'block_{len(maps) - 1}']['__call__'][0].shape == (3, smallest, smallest, widths[0])
    assert out['features'].shape == (3, widths[0])
    assert count(variables) == critic


# Passes in NumPy ---------------------------------------------------------------------------------


def inside(variables, name):
    """The variables of a module in another."""
    return {kind: variables[kind].get(name, {}) for kind in ('params', 'batch_stats')}


def relu(x):
    return np.maximum(x, 0)


def linear(variables, name, x):
    """A layer of products at each place, or a 3×3 one with zeros around; divided by its σ."""
    kernel = normalised(variables, name)
    bias = variables['params'][name].get('bias', 0)
    if kernel.ndim == 2:
        return x @ kernel + bias
    _, height, width, _ = x.shape
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    windows = [
        padded[:, i : i + height, j : j + width] @ kernel[i, j] for i in range(3) for j in range(3)
    ]
    return sum(windows) + bias


def norm(variables, name, x, condition=None):
    """BatchNorm of this batch, with a gain and a bias that follow the condition."""
    own = inside(variables, name)
    x = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
    if condition is None:
        batch = own['params']['batch']
        return x * batch['scale'] + batch['bias']
    gain, bias = (linear(own, n, condition)[:, None, None] for n in ('gain', 'bias'))
    return x * (1 + gain) + bias


def doubled(x):
    return x.repeat(2, axis=1).repeat(2, axis=2)


def halved(x):
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


def up_block(v, x, condition, features, up):
    y = linear(v, 'conv_0', relu(norm(v, 'norm_0', x, condition)))
    assert y.shape[-1] == x.shape[-1] // 4
    y = relu(norm(v, 'norm_1', y, condition))
    y = linear(v, 'conv_1', doubled(y) if up else y)
    y = linear(v, 'conv_2', relu(norm(v, 'norm_2', y, condition)))
    y = linear(v, 'conv_3', relu(norm(v, 'norm_3', y, condition)))
    return y + (doubled(x) if up else x)[..., :features]


def down_block(v, x, features, down):
    y = linear(v, 'conv_0', relu(x))
    assert y.shape[-1] == features // 4
    y = relu(linear(v, 'conv_2', relu(linear(v, 'conv_1', relu(y)))))
    y = linear(v, 'conv_3', halved(y) if down else y)
    x = halved(x) if down else x
    if features > x.shape[-1]:
        x = np.concatenate([x, linear(v, 'shortcut', x)], axis=-1)
    return x + y


def attended(v, x):
    """SAGAN's layer, which has tests of its own, on these variables."""
    layer = SelfAttention(KERNEL)
    return np.asarray(layer.apply(v, x, train=False))


def generated(v, widths, attention, z, label):
    condition = np.concatenate([v['params']['classes']['kernel'][label], z], axis=1)
    x = linear(v, 'dense', condition).reshape(-1, 4, 4, widths[0])
    for i, (before, after) in enumerate(pairwise(widths)):
        x = up_block(inside(v, f'block_{2 * i}'), x, condition, before, up=False)
        x = up_block(inside(v, f'block_{2 * i + 1}'), x, condition, after, up=True)
        if x.shape[1] == attention:
            x = attended(inside(v, 'attention'), x)
    x = linear(v, 'image', relu(norm(v, 'norm', x)))
    return (np.tanh(x) + 1) / 2


def features_of(v, widths, halvings, attention, image):
    x = linear(v, 'image', 2 * image - 1)
    for i, features in enumerate(reversed(widths[:-1])):
        x = down_block(inside(v, f'block_{2 * i}'), x, features, down=i < halvings)
        x = down_block(inside(v, f'block_{2 * i + 1}'), x, features, down=False)
        if i == attention:
            x = attended(inside(v, 'attention'), x)
    return relu(x).sum((1, 2))


def numbers(module, *arguments):
    variables = small.numbers(initial(module, *arguments), np.random.default_rng(3), 'float64')
    return jax.tree.map(np.asarray, variables)


def close(found, expected):
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


WIDTHS = (16, 8, 4)


@pytest.mark.slow
def test_the_generator_is_its_formula(x64):
    module = biggan_deep.Generator((16, 16, 3), WIDTHS, num_classes=3, shared=4, attention=8)
    z = latents().astype(float)
    variables = numbers(module, z, LABEL)
    found, _ = small.jit(partial(module.apply, train=True, mutable=['batch_stats']))(
        variables, z, LABEL
    )
    expected = generated(variables, WIDTHS, 8, z, LABEL)
    assert expected.std() > 0.05
    close(found, expected)


@pytest.mark.slow
def test_the_discriminator_is_its_formula(x64):
    image = images(16).astype(float)
    for smallest, halvings in ((4, 2), (8, 1)):
        module = biggan_deep.Trunk(WIDTHS, smallest, attention=8)
        variables = numbers(module, image)
        found = small.jit(partial(module.apply, train=False))(variables, image)
        close(found, features_of(variables, WIDTHS, halvings, 0, image))


def test_without_classes_the_norms_are_told_the_latents():
    module = biggan_deep.Generator((8, 8, 3), (8, 4))
    params = initial(module, latents(5), None)['params']
    assert 'classes' not in params
    gains = [params[f'block_{i}'][f'norm_{j}']['gain']['kernel'] for i in (0, 1) for j in range(4)]
    assert [gain.shape for gain in gains] == [(5, c) for c in (8, 2, 2, 2) * 2]
    assert params['dense']['kernel'].shape == (5, 128)


# Shortcuts ---------------------------------------------------------------------------------------


def passed(block, *arguments):
    """The shortcut of a block: its result if the last layer is zero."""
    variables = small.numbers(initial(block, *arguments), np.random.default_rng(2), 'float32')
    last = jax.tree.map(np.zeros_like, variables['params']['conv_3'])
    variables['params'] = variables['params'] | {'conv_3': last}
    run = small.jit(partial(block.apply, train=False))
    return run(variables, *arguments), variables


@pytest.mark.slow
@pytest.mark.parametrize('up', [False, True])
def test_a_generator_s_shortcut_keeps_the_first_channels(up):
    x = images(4, channels=8)
    norm = partial(ConditionalNorm, KERNEL, normalised=True)
    found, _ = passed(biggan_deep.UpBottleneck(3, norm, KERNEL, up), x, latents())
    expected = x[..., :3]
    assert np.array_equal(found, doubled(expected) if up else expected)


@pytest.mark.slow
@pytest.mark.parametrize('down', [False, True])
def test_a_discriminator_s_shortcut_keeps_all_channels_and_adds_some(down):
    x = images(4, channels=4) - 0.5  # not rectified
    found, variables = passed(biggan_deep.DownBottleneck(8, KERNEL, down), x)
    kept = halved(x) if down else x
    np.testing.assert_allclose(found[..., :4], kept, rtol=1e-6)
    np.testing.assert_allclose(found[..., 4:], linear(variables, 'shortcut', kept), atol=1e-5)
    found, variables = passed(biggan_deep.DownBottleneck(4, KERNEL, down), x)
    np.testing.assert_allclose(found, kept, rtol=1e-6)
    assert 'shortcut' not in variables['params']


# Weights, types and errors -----------------------------------------------------------------------


def test_all_but_the_classes_is_normalised_and_no_bias_is_before_a_norm():
    variables = initial(
        biggan_deep.Generator((8, 8, 3), (8, 4), num_classes=3, attention=8), latents(), LABEL
    )
    leaves = jax.tree.leaves_with_path(variables)
    names = {'/'.join(k.key for k in path) for path, _ in leaves}
    kernels = {n.removeprefix('params/') for n in names if n.endswith('kernel')}
    vectors = {n.removeprefix('batch_stats/') for n in names if n.endswith('/u')}
    with_u = {re.sub(r'spectral_[a-z_0-9]+/(.*)/u$', r'\1', n) for n in vectors}
    assert kernels - with_u == {'classes/kernel'}
    assert with_u < kernels
    biases = {n for n in names if n.startswith('params/') and n.endswith('bias')}
    blocks = {f'params/block_{i}/conv_3/bias' for i in range(2)}
    assert biases == blocks | {f'params/{n}/bias' for n in ('dense', 'image', 'norm/batch')}


@pytest.mark.slow
@pytest.mark.usefixtures('mixed_types')
def test_half_precision_is_inside_and_images_and_features_are_full():
    generator = biggan_deep.Generator((8, 8, 3), (8, 4), 3, 4, 8, dtype=jnp.bfloat16)
    trunk = biggan_deep.Trunk((8, 4), attention=4, dtype=jnp.bfloat16)
    for half, arguments in ((generator, (latents(), LABEL)), (trunk, (images(8),))):
        check_inside(half, initial(half, *arguments), *arguments)


@pytest.mark.parametrize('shape', [(8, 8, 3), (32, 16, 3), (14, 14, 3)])
def test_widths_of_another_size_are_refused(shape):
    sentence = f'BigGAN-deep with 3 widths has no layers for images of {shape[0]}x'
    with pytest.raises(ValueError, match=sentence):
        initial(biggan_deep.Generator(shape, (4,) * 3), latents(), LABEL)
    with pytest.raises(ValueError, match=sentence):
        initial(biggan_deep.Trunk((4,) * 3), np.zeros((1, *shape)))


def test_widths_that_grow_are_refused():
    with pytest.raises(ValueError, match='widths of 8, 4, 6 grow: give widths that do not'):
        initial(biggan_deep.Generator((16, 16, 3), (8, 4, 6)), latents(), LABEL)
    with pytest.raises(ValueError, match='widths of 4, 8 grow'):
        initial(biggan_deep.Trunk((4, 8)), images(8))


def test_attention_without_its_map_is_refused():
    generator = biggan_deep.Generator((16, 16, 3), (8, 8, 8), attention=4)
    with pytest.raises(ValueError, match=r'of 0, 8, 16 pixels \(0 for none\), not 4: change atten'):
        initial(generator, latents(), LABEL)
    for trunk, known in (
        (biggan_deep.Trunk((8, 8, 8), attention=16), '0, 4, 8'),
        (biggan_deep.Trunk((8, 8, 8), 8, attention=4), '0, 8'),
    ):
        with pytest.raises(ValueError, match=f'a map of {known} pixels'):
            initial(trunk, images(16))
