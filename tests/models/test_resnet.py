"""SN-ResNet: parameter counts, sizes, classes, ranges, initial values and types."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models import resnet
from gan_jax.models.blocks import DownBlock
from gan_jax.models.critic import Critic, Logit, ProjectionLogit
from tests import small
from tests.models.half_precision import check_inside
from tests.parameters import biases_of_blocks, count, initial

Z = 128
LABEL = np.array([0, 1, 2, 0])


def is_block(module, method):
    """Whether a module's result is to be kept."""
    return isinstance(module, DownBlock)


def latents(n=2):
    return np.random.default_rng(0).standard_normal((n, Z)).astype('float32')


@pytest.mark.parametrize(
    ('side', 'generator', 'critic', 'last'),
    [
        (32, 4_276_739, 1_053_825, 8),
        (48, 4_878_083, 10_141_441, 3),
        (64, 12_220_675, 10_141_441, 2),
        (128, 32_150_787, 29_017_857, 4),
    ],
)
def test_parameters_and_maps_at_full_width_are_those_of_the_reference(
    side, generator, critic, last
):
    shape = (side, side, 3)
    made, variables = jax.eval_shape(  # without classes the label is not read, and may be None
        partial(resnet.Generator(shape).init_with_output, train=True),
        *(jax.random.key(0), latents(), None),
    )
    assert made.shape == (2, *shape)
    assert count(variables) + biases_of_blocks(variables) == generator

    module = Critic(resnet.Trunk(), logit=Logit(initializer='glorot'))
    inner = partial(module.init_with_output, train=True, capture_intermediates=is_block)
    out, variables = jax.eval_shape(inner, jax.random.key(0), np.zeros((2, *shape)), LABEL[:2])
    assert count(variables) == critic
    blocks = variables['intermediates']['trunk']
    maps = [blocks[f'block_{i}']['__call__'][0] for i in range(len(blocks))]
    assert maps[-1].shape[1:3] == (last, last)
    assert out['features'].shape == (2, maps[-1].shape[3])


def test_without_the_last_bias_the_critic_has_one_parameter_less():
    variables = initial(Critic(resnet.Trunk()), np.zeros((2, 32, 32, 3)), LABEL[:2])
    assert count(variables) - variables['params']['logit']['dense']['bias'].size == 1_053_824


def test_with_classes_parameters_are_as_many_as_in_the_reference():
    generator = resnet.Generator((32, 32, 3), num_classes=10)
    critic = Critic(resnet.Trunk(), logit=ProjectionLogit(10, initializer='glorot'))
    made = initial(generator, latents(), LABEL[:2])
    assert count(made) + biases_of_blocks(made) == 4_304_387
    assert count(initial(critic, np.zeros((2, 32, 32, 3)), LABEL[:2])) == 1_055_105


def test_width_scales_channels_and_keeps_at_least_one():
    trunk = initial(resnet.Trunk(width=0.01), np.zeros((2, 64, 64, 1)))['params']
    ends = [trunk[f'block_{i}']['conv_1']['kernel'].shape[-1] for i in range(5)]
    assert ends == [1, 1, 3, 5, 10]
    generator = initial(resnet.Generator((48, 48, 1), width=0.01), latents(), None)['params']
    ends = [generator[f'block_{i}']['conv_1']['kernel'].shape[-1] for i in range(3)]
    assert ends == [3, 1, 1]
    assert generator['dense']['kernel'].shape == (Z, 6 * 6 * 5)


@pytest.mark.parametrize('shape', [(16, 16, 1), (36, 72, 3)])
def test_sizes_without_layers_are_refused(shape):
    sentence = f'SN-ResNet takes images .* above 16, and not {shape[0]}x{shape[1]}: change data'
    with pytest.raises(ValueError, match=sentence):
        initial(resnet.Generator(shape), latents(), None)
    with pytest.raises(ValueError, match=sentence):
        initial(resnet.Trunk(), np.zeros((2, *shape)))


def test_weights_start_as_glorot_s_with_the_residual_convolutions_larger_and_classes_neutral():
    module = resnet.Generator((32, 32, 3), width=0.05, num_classes=3)
    params = small.jit(partial(module.init, train=True))(jax.random.key(0), latents(), LABEL[:2])[
        'params'
    ]
    block = params['block_1']
    for kernel, gain in [
        (params['dense']['kernel'], 1),
        (block['conv_0']['kernel'], 2),
        (block['shortcut']['kernel'], 1),
    ]:
        receptive = np.prod(kernel.shape[:-2])
        limit = np.sqrt(6 * gain / (receptive * (kernel.shape[-2] + kernel.shape[-1])))
        assert limit * 0.9 < float(jnp.abs(kernel).max()) <= limit * 1.0001
    assert block['norm_0']['gain']['kernel'].shape == (3, 13)
    for name in ('gain', 'bias'):
        assert not block['norm_0'][name]['kernel'].any()


@pytest.fixture(scope='module')
def generator():
    """A small generator with classes, numbers for its variables, and latents."""
    module = resnet.Generator((32, 32, 3), width=0.02, num_classes=3)
    z = latents(4)
    return module, small.numbers(initial(module, z, LABEL), np.random.default_rng(1), 'float32'), z


def test_images_reach_both_ends_of_the_unit_interval(generator):
    module, variables, z = generator
    run = small.jit(partial(module.apply, train=False))
    ends = {**variables['params']['image'], 'bias': np.float32([-50, 0, 50])}
    pushed = {**variables, 'params': {**variables['params'], 'image': ends}}
    at_ends = run(pushed, z, LABEL)
    assert (at_ends[..., 0] == 0).all()
    assert (at_ends[..., 2] == 1).all()


@pytest.fixture(scope='module')
def trunk():
    """A small trunk, numbers for its variables, and images."""
    x = np.random.default_rng(2).random((3, 32, 32, 3)).astype('float32')
    module = resnet.Trunk(width=0.05)
    return module, small.numbers(initial(module, x), np.random.default_rng(3), 'float32'), x


def test_features_are_the_rectified_last_map_summed_over_places(trunk):
    module, variables, x = trunk
    keep = dict(capture_intermediates=is_block, mutable=['intermediates'])
    run = partial(module.apply, train=False, **keep)
    features, inner = small.jit(run)(variables, x)
    first, last = (inner['intermediates'][f'block_{i}']['__call__'][0] for i in (0, 3))
    assert (first.shape[1:3], last.shape[1:3]) == ((16, 16), (8, 8))
    block = DownBlock(6, 6, resnet._glorot, resnet._glorot, first=True)
    of_first = {name: collection['block_0'] for name, collection in variables.items()}
    expected = small.jit(partial(block.apply, train=False))(of_first, 2 * x - 1)
    np.testing.assert_allclose(first, expected, rtol=1e-4, atol=1e-5)
    assert (last < 0).any()
    np.testing.assert_allclose(features, np.maximum(last, 0).sum((1, 2)), rtol=1e-5)


@pytest.mark.usefixtures('mixed_types')
def test_half_precision_is_inside_and_images_and_features_are_full(generator, trunk):
    for (module, variables, x), label in ((generator, (LABEL,)), (trunk, ())):
        check_inside(module.clone(dtype=jnp.bfloat16), variables, x, *label)
