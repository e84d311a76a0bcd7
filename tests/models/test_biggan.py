"""BigGAN: parameter counts of the published networks, classes, latents, attention and types."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models import biggan
from gan_jax.models.blocks import DownBlock, UpBlock
from gan_jax.models.critic import Critic, Logit, ProjectionLogit
from gan_jax.models.layers import SelfAttention, initializer
from gan_jax.terms import label_contrast, labels
from tests import small
from tests.models.half_precision import check_inside
from tests.parameters import biases_of_blocks, count, initial

LABEL = np.array([0, 1, 2, 0])
KERNEL = initializer('orthogonal')
# As BigGAN-PyTorch has it at 32 px.
PLAIN = dict(attention=False, initializer='normal')
PLAIN_G = dict(channels=64, shared=0, hierarchical=False, **PLAIN)
PLAIN_D = dict(channels=128, compare_gan=False, **PLAIN)
SAGAN_G = dict(channels=64, shared=0, hierarchical=False, initializer='glorot')
SAGAN_D = dict(channels=64, compare_gan=False, initializer='glorot')
BLIND = dict(attention=False)


def latents(length, n=4):
    return np.random.default_rng(0).standard_normal((n, length)).astype('float32')


def kept(module, method):
    """Whether a module's result is to be kept."""
    return isinstance(module, UpBlock | DownBlock | SelfAttention)


# Parameters --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ('side', 'classes', 'z', 'options', 'parameters'),
    [
        (32, 10, 80, {}, 9_416_196),
        (32, 10, 80, dict(attention=False), 9_231_875),
        (32, 0, 80, {}, 8_825_092),
        (32, 10, 128, PLAIN_G, 4_304_387),
        (64, 10, 100, {}, 24_566_724),
        (64, 1000, 100, {}, 24_693_444),
        (64, 1000, 100, dict(channels=80), 17_437_604),
        (128, 10, 120, {}, 70_307_268),
        (128, 1000, 120, {}, 70_433_988),
        (64, 10, 128, SAGAN_G, 12_292_996),
        (64, 10, 128, SAGAN_G | BLIND, 12_272_515),
        (64, 1000, 128, SAGAN_G | BLIND, 17_974_915),
        (128, 10, 128, SAGAN_G, 32_259_972),
        (128, 10, 128, SAGAN_G | BLIND, 32_239_491),
        (128, 1000, 128, SAGAN_G | BLIND, 41_996_931),
    ],
)
def test_the_generator_has_as_many_parameters_as_the_published_one(
    side, classes, z, options, parameters
):
    module = biggan.Generator((side, side, 3), num_classes=classes, **options)
    label = LABEL if classes else None  # which is not read without classes
    start = partial(module.init_with_output, train=True)
    image, variables = jax.eval_shape(start, jax.random.key(0), latents(z), label)
    assert image.shape == (4, side, side, 3)
    assert count(variables) + biases_of_blocks(variables) == parameters


@pytest.mark.slow
@pytest.mark.parametrize(
    ('side', 'classes', 'options', 'parameters', 'features'),
    [
        (32, 10, {}, 2_378_114, 192),
        (32, 10, dict(compare_gan=False), 2_415_170, 192),
        (32, 10, dict(attention=False), 2_332_033, 192),
        (32, 0, dict(compare_gan=False), 2_413_250, 192),
        (32, 10, PLAIN_D, 4_207_361, 256),
        (64, 10, {}, 43_991_330, 1536),
        (64, 1000, {}, 45_511_970, 1536),
        (64, 1000, dict(channels=80), 31_820_722, 1280),
        (64, 10, SAGAN_D, 19_558_082, 1024),
        (64, 10, SAGAN_D | BLIND, 19_552_961, 1024),
        (64, 1000, SAGAN_D | BLIND, 20_566_721, 1024),
        (128, 10, SAGAN_D, 38_434_498, 1024),
        (128, 10, SAGAN_D | BLIND, 38_429_377, 1024),
        (128, 1000, SAGAN_D | BLIND, 39_443_137, 1024),
        (128, 10, {}, 86_461_730, 1536),
        (128, 1000, {}, 87_982_370, 1536),
        (128, 1000, dict(compare_gan=False), 87_982_370, 1536),
    ],
)
def test_the_critic_has_as_many_parameters_as_the_published_one(
    side, classes, options, parameters, features
):
    logit = ProjectionLogit(classes) if classes else Logit()
    module = Critic(biggan.Trunk(**options), logit=logit)
    start = partial(module.init_with_output, train=True)
    image = np.zeros((4, side, side, 3))
    out, variables = jax.eval_shape(start, jax.random.key(0), image, LABEL)
    assert out['features'].shape == (4, features)
    assert count(variables) == parameters


# StudioGAN's discriminators of 32 pixels and 10 classes at commit 947b35e.
# Multi-hinge's has no logit beside the scores of its classes.
WITH_HEADS = {
    'acgan': (labels.acgan, 2_415_170),
    'tacgan': (labels.tacgan, 2_417_090),
    'adcgan': (labels.adcgan, 2_417_090),
    'contragan': (label_contrast.contragan, 2_517_186),
    'reacgan': (label_contrast.reacgan, 2_517_186),
    'multi_hinge': (labels.multi_hinge, 2_415_180),
}


@pytest.mark.slow
@pytest.mark.parametrize('method', WITH_HEADS)
def test_a_critic_with_the_head_of_a_method_has_as_many_as_the_published_one(method):
    term, parameters = WITH_HEADS[method]
    heads = {'classes': term(num_classes=10).head}
    module = Critic(biggan.Trunk(compare_gan=False), heads, Logit())
    start = partial(module.init, train=True)
    variables = jax.eval_shape(start, jax.random.key(0), np.zeros((4, 32, 32, 3)), LABEL)
    if method == 'multi_hinge':
        variables['params'].pop('logit')
    assert count(variables) == parameters


# Structure ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(('compare_gan', 'last'), [(True, 4), (False, 8)])
def test_the_two_discriminators_halve_and_shortcut_otherwise(compare_gan, last):
    module = biggan.Trunk(channels=8, compare_gan=compare_gan)
    inner = partial(module.init_with_output, train=True, capture_intermediates=kept)
    _, variables = jax.eval_shape(inner, jax.random.key(0), np.zeros((2, 32, 32, 3)))
    maps = {name: m['__call__'][0].shape for name, m in variables['intermediates'].items()}
    assert maps['attention'][1:3] == (16, 16)
    assert maps['block_3'][1:3] == (last, last)
    learned = [i for i in range(4) if 'shortcut' in variables['params'][f'block_{i}']]
    assert learned == ([0] if compare_gan else [0, 1])


@pytest.mark.slow
@pytest.mark.parametrize(('side', 'z'), [(32, 4), (128, 6)])
def test_attention_stands_at_half_the_image_s_side(side, z):
    module = biggan.Generator((side, side, 3), channels=8)
    inner = partial(module.init_with_output, train=True, capture_intermediates=kept)
    _, variables = jax.eval_shape(inner, jax.random.key(0), latents(z), None)
    attended = variables['intermediates']['attention']['__call__'][0]
    assert attended.shape[1:3] == (side // 2, side // 2)


def test_everything_has_spectral_norm_but_the_classes():
    def normalised(tree):
        """Paths of the kernels with a kept vector, and of all kernels."""
        names = [
            {'/'.join(k.key for k in path) for path, _ in jax.tree.leaves_with_path(tree[name])}
            for name in ('batch_stats', 'params')
        ]
        with_u = {n.removesuffix('/u') for n in names[0] if n.endswith('/u')}
        kernels = {n for n in names[1] if n.endswith('kernel')}
        return {'/'.join([*n.split('/')[:-3], *n.split('/')[-2:]]) for n in with_u}, kernels

    shape = (32, 32, 3)
    shared = biggan.Generator(shape, channels=8, num_classes=3)
    with_u, kernels = normalised(initial(shared, latents(8), LABEL))
    assert kernels - with_u == {'classes/kernel'}
    tables = biggan.Generator(shape, num_classes=3, **(PLAIN_G | dict(channels=8)))
    with_u, kernels = normalised(initial(tables, latents(5), LABEL))
    assert kernels - with_u == {
        f'block_{i}/norm_{j}/{name}/kernel'
        for i in range(3)
        for j in range(2)
        for name in ('gain', 'bias')
    }
    with_u, kernels = normalised(initial(biggan.Trunk(channels=8), np.zeros((2, *shape))))
    assert kernels == with_u


@pytest.mark.parametrize('z', [79, 128 + 1])
def test_latents_that_cannot_be_cut_are_refused_by_a_sentence(z):
    module = biggan.Generator((32, 32, 3))
    with pytest.raises(ValueError, match=f'4 equal parts, which {z} numbers .* latent.dim'):
        initial(module, latents(z), None)


@pytest.mark.parametrize('shape', [(40, 40, 3), (32, 130, 1)])
def test_sizes_without_layers_are_refused(shape):
    sentence = f'BigGAN takes .* of 4 up to 16 pixels, .* above 8, and not {shape[0]}x{shape[1]}'
    with pytest.raises(ValueError, match=sentence):
        initial(biggan.Generator(shape), latents(80), None)
    with pytest.raises(ValueError, match=sentence):
        initial(biggan.Trunk(), np.zeros((2, *shape)))


def test_an_unknown_initializer_is_refused():
    with pytest.raises(ValueError, match="not 'ortho'"):
        initial(biggan.Generator((32, 32, 3), initializer='ortho'), latents(80), None)
    with pytest.raises(ValueError, match="not 'ortho'"):
        initial(biggan.Trunk(initializer='ortho'), np.zeros((2, 32, 32, 3)))


@pytest.mark.slow
def test_every_kernel_starts_orthonormal():
    module = biggan.Trunk(channels=2)
    image = np.zeros((1, 32, 32, 3), 'float32')
    variables = small.jit(partial(module.init, train=True))(jax.random.key(0), image)
    leaves = jax.tree.leaves_with_path(variables['params'])
    kernels = [k.reshape(-1, k.shape[-1]) for path, k in leaves if path[-1].key == 'kernel']
    assert len(kernels) == 4 * 2 + 1 + 4
    for kernel in map(np.asarray, kernels):
        short = kernel.T if kernel.shape[0] > kernel.shape[1] else kernel
        np.testing.assert_allclose(short @ short.T, np.eye(len(short)), atol=1e-5)


# Passes ------------------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def generator():
    """A small generator with classes, numbers for its variables, and its compiled passes."""
    module = biggan.Generator((32, 32, 3), channels=2, num_classes=3, shared=4)
    variables = small.numbers(
        initial(module, latents(8), LABEL), np.random.default_rng(1), 'float32'
    )
    keep = dict(capture_intermediates=kept, mutable=['intermediates', 'batch_stats'])
    run = small.jit(partial(module.apply, **keep), static_argnames='train')
    return module, variables, run


def maps(inner):
    """The kept results of the blocks and of attention, by name."""
    return {name: np.asarray(m['__call__'][0]) for name, m in inner['intermediates'].items()}


@pytest.mark.slow
def test_images_reach_both_ends_of_the_unit_interval(generator):
    _, variables, run = generator
    ends = {**variables['params']['image'], 'bias': np.float32([-50, 0, 50])}
    pushed = {**variables, 'params': {**variables['params'], 'image': ends}}
    at_ends, _ = run(pushed, latents(8), LABEL, train=False)
    assert (at_ends[..., 0] == 0).all()
    assert (at_ends[..., 2] == 1).all()


@pytest.mark.parametrize('part', [0, 1, 2, 3])
def test_each_part_of_the_latents_enters_at_its_own_block(generator, part):
    _, variables, run = generator
    z = latents(8)
    changed = z.copy()
    changed[:, 2 * part : 2 * part + 2] += 1
    before, after = (maps(run(variables, x, LABEL, train=False)[1]) for x in (z, changed))
    same = [np.array_equal(before[f'block_{i}'], after[f'block_{i}']) for i in range(3)]
    assert same == [i < part - 1 for i in range(3)]


@pytest.fixture(scope='module')
def trunk():
    """A small trunk, numbers for its variables, and images."""
    x = np.random.default_rng(2).random((3, 32, 32, 3)).astype('float32')
    module = biggan.Trunk(channels=4)
    return module, small.numbers(initial(module, x), np.random.default_rng(3), 'float32'), x


@pytest.mark.slow
def test_features_are_the_rectified_last_map_summed_over_places_each_image_by_itself(trunk):
    module, variables, x = trunk
    keep = dict(capture_intermediates=kept, mutable=['intermediates', 'batch_stats'])
    run = small.jit(partial(module.apply, train=True, **keep))
    features, inner = run(variables, x)
    first, last = (maps(inner)[f'block_{i}'] for i in (0, 3))
    block = DownBlock(8, 8, KERNEL, KERNEL, first=True)
    of_first = {name: collection['block_0'] for name, collection in variables.items()}
    expected = small.jit(partial(block.apply, train=False))(of_first, 2 * x - 1)
    np.testing.assert_allclose(first, expected, rtol=1e-4, atol=1e-5)
    assert (last < 0).any()
    np.testing.assert_allclose(features, np.maximum(last, 0).sum((1, 2)), rtol=1e-5)
    again, _ = run(variables, np.concatenate([x[:1], 1 - x[1:]]))
    np.testing.assert_allclose(again[0], features[0], rtol=1e-4)
    assert np.abs(again[1:] - features[1:]).max() > 0.01


@pytest.mark.slow
def test_a_population_under_vmap_is_its_members(trunk):
    module, variables, x = trunk
    other = jax.tree.map(lambda p: 1.1 * p, variables)
    run = partial(module.apply, train=False)
    both = jax.tree.map(lambda *leaves: np.stack(leaves), variables, other)
    together = small.jit(jax.vmap(run, (0, None)))(both, x)
    alone = small.jit(run)
    np.testing.assert_allclose(together[0], alone(variables, x), rtol=1e-4)
    np.testing.assert_allclose(together[1], alone(other, x), rtol=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures('mixed_types')
def test_half_precision_is_inside_and_images_and_features_are_full(generator, trunk):
    passes = ((*generator[:2], latents(8), LABEL), trunk)
    for module, variables, *arguments in passes:
        check_inside(module.clone(dtype=jnp.bfloat16), variables, *arguments)
