"""SNDCGAN: parameter counts, ranges, normalisation, types and second derivatives."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gan_jax.models import sndcgan
from gan_jax.models.critic import Critic
from tests import small
from tests.parameters import count

pytestmark = pytest.mark.usefixtures('quick')

Z = 128


def labels(n):
    return jnp.zeros(n, jnp.int32)


def init(module, x):
    """The module's variables with BatchNorm's and spectral norm's statistics as they start."""
    arguments = (x,) if isinstance(module, sndcgan.Trunk) else (x, labels(len(x)))
    return module.init(jax.random.key(0), *arguments, train=False)


@pytest.mark.parametrize(
    ('side', 'generator', 'critic'), [(32, 3_828_739, 5_860_865), (128, 19_926_019, 5_983_745)]
)
def test_parameters_at_full_width_are_as_many_as_in_the_reference(side, generator, critic):
    shape = (side, side, 3)
    z, x = jnp.zeros((2, Z)), jnp.zeros((2, *shape))
    made = jax.eval_shape(partial(init, sndcgan.Generator(shape)), z)
    layers = {name: layer for name, layer in made['params'].items() if 'kernel' in layer}
    bare = [layer for layer in layers.values() if 'bias' not in layer]
    assert len(bare) == len(layers) - 1  # all but the image's stand before a BatchNorm
    biases = sum(layer['kernel'].shape[-1] for layer in bare)
    assert count(made) + biases == generator
    assert count(jax.eval_shape(partial(init, Critic(sndcgan.Trunk())), x)) == critic


def test_classes_add_their_gains_and_biases_to_the_parameters_and_none_change_nothing():
    """A row of each for every class, in place of the norm's own; zero at first, so that it is 1."""
    shape, z = (16, 16, 3), jnp.zeros((2, Z))
    plain, none, ten = (
        jax.eval_shape(partial(init, sndcgan.Generator(shape, width=0.1, **options)), z)
        for options in ({}, {'num_classes': 0}, {'num_classes': 10})
    )
    assert jax.tree.structure(none) == jax.tree.structure(plain)
    normalised = 2 * 2 * 51 + 26 + 13 + 6  # units of the dense layer, channels of three maps
    assert count(ten) == count(plain) + (10 - 1) * 2 * normalised


def test_without_what_its_class_adds_a_conditional_generator_is_the_unconditional_one():
    plain, classes = (sndcgan.Generator((8, 8, 1), width=0.02, num_classes=n) for n in (0, 3))
    z = np.random.default_rng(1).standard_normal((3, Z)).astype('float32')
    variables, own = (
        small.numbers(jax.eval_shape(partial(init, one), z), np.random.default_rng(2), 'float32')
        for one in (plain, classes)
    )
    for name, norm in variables['params'].items():
        if name.startswith('norm'):
            # Gain 1 + U c and bias V c, with all rows of U and V the same.
            own['params'][name]['gain']['kernel'][:] = norm['scale'] - 1
            own['params'][name]['bias']['kernel'][:] = norm['bias']
            own['batch_stats'][name]['batch'] = variables['batch_stats'][name]
        else:
            own['params'][name] = norm
    images = (
        small.jit(partial(one.apply, train=False))(v, z, np.array([0, 1, 2]))
        for one, v in ((plain, variables), (classes, own))
    )
    np.testing.assert_allclose(*images, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('side', [16, 32, 64, 128])
def test_every_size_has_an_image_and_the_last_map_as_features(side):
    generator, trunk = sndcgan.Generator((side, side, 1), width=0.25), sndcgan.Trunk(width=0.25)
    z, x = jnp.zeros((2, Z)), jnp.zeros((2, side, side, 1))
    made = jax.eval_shape(lambda z: generator.apply(init(generator, z), z, None, train=False), z)
    features = jax.eval_shape(lambda x: trunk.apply(init(trunk, x), x, train=False), x)
    assert made.shape == x.shape
    assert features.shape == (2, (side // 8) ** 2 * 128)


def test_width_scales_channels_and_keeps_at_least_one():
    variables = jax.eval_shape(partial(init, sndcgan.Trunk(width=0.01)), jnp.zeros((1, 8, 8, 1)))
    kernels = [variables['params'][f'conv_{i}']['kernel'].shape[-1] for i in range(7)]
    assert kernels == [1, 1, 1, 3, 3, 5, 5]


def test_rectangular_images():
    module, z = sndcgan.Generator((16, 8, 2), width=0.05), jnp.zeros((3, Z))
    made = jax.eval_shape(lambda z: module.apply(init(module, z), z, None, train=False), z)
    assert made.shape == (3, 16, 8, 2)


@pytest.mark.parametrize('shape', [(28, 28, 1), (32, 20, 3)])
def test_a_side_that_is_no_multiple_of_eight_is_refused(shape):
    with pytest.raises(ValueError, match='multiples of 8, not') as error:
        init(sndcgan.Generator(shape), jnp.zeros((2, Z)))
    assert f'{shape[0]}x{shape[1]}: change data.size' in str(error.value)


@pytest.fixture(scope='module')
def generator():
    """A small generator, its variables, and latents."""
    z = jax.random.normal(jax.random.key(1), (4, Z))
    module = sndcgan.Generator((16, 16, 3), width=0.1)
    return module, jax.jit(lambda z: init(module, z))(z), z


@pytest.fixture(scope='module')
def trunk():
    """A small trunk, its variables, and images."""
    x = jax.random.uniform(jax.random.key(2), (4, 16, 16, 3))
    module = sndcgan.Trunk(width=0.1)
    return module, jax.jit(lambda x: init(module, x))(x), x


@partial(jax.jit, static_argnums=0, static_argnames='train')
def run(module, variables, x, *, train=True):
    """A pass: its result and the statistics that it leaves."""
    label = () if isinstance(module, sndcgan.Trunk) else (labels(len(x)),)
    return module.apply(variables, x, *label, train=train, mutable=['batch_stats'])


def equal(a, b) -> bool:
    return jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), a, b))


@pytest.mark.slow
def test_images_reach_both_ends_of_the_unit_interval_and_stay_inside(generator):
    module, variables, z = generator
    params = dict(variables['params'])
    params['image'] = jax.tree.map(lambda p: 1e4 * p, params['image'])
    image, _ = run(module, variables | {'params': params}, z)
    assert image.min() == 0
    assert image.max() == 1


def test_training_normalises_by_the_batch_and_keeps_a_tenth_of_its_statistics(generator):
    module, variables, z = generator
    dense = variables['params']['dense']
    flat = z @ dense['kernel']
    kept = run(module, variables, z)[1]['batch_stats']['norm_0']
    assert kept['mean'].shape == (flat.shape[1],)  # for each unit, not for each channel
    np.testing.assert_allclose(kept['mean'], 0.1 * flat.mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(kept['var'], 0.9 + 0.1 * flat.var(0), rtol=1e-4)


@pytest.mark.slow
def test_initial_weights_have_a_deviation_of_a_fiftieth(generator, trunk):
    for _, variables, _ in (generator, trunk):
        layers = [p for p in variables['params'].values() if 'kernel' in p]
        for layer in (p for p in layers if p['kernel'].size > 1000):
            assert float(layer['kernel'].std()) == pytest.approx(0.02, rel=0.1)
        assert not any(layer['bias'].any() for layer in layers if 'bias' in layer)


@pytest.mark.slow
def test_the_trunk_is_the_plain_network_with_kernels_over_their_largest_singular_value(trunk):
    module, variables, x = trunk
    for _ in range(200):  # the power iteration, nearly to its end
        features, state = run(module, variables, x)
        variables = variables | state
    y = 2 * x - 1
    for i in range(7):
        kernel, bias = (variables['params'][f'conv_{i}'][name] for name in ('kernel', 'bias'))
        largest = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]
        plain = nn.Conv(kernel.shape[-1], kernel.shape[:2], (1 + i % 2, 1 + i % 2))
        y = jax.jit(plain.apply)({'params': {'kernel': kernel / largest, 'bias': bias}}, y)
        y = jnp.where(y > 0, y, 0.1 * y)
    assert y.shape == (4, 2, 2, 51)
    np.testing.assert_allclose(features, y.reshape(4, -1), rtol=0.02, atol=0.02 * y.std())


@pytest.mark.slow
@pytest.mark.usefixtures('mixed_types')
def test_bfloat16_is_for_convolutions_and_everything_kept_or_returned_is_float32(generator, trunk):
    for module, variables, x in (generator, trunk):
        half_module = module.clone(dtype=jnp.bfloat16)
        half, full = run(half_module, variables, x), run(module, variables, x)
        assert {leaf.dtype for leaf in jax.tree.leaves(half)} == {jnp.dtype('float32')}
        error = jnp.linalg.norm(half[0] - full[0]) / jnp.linalg.norm(full[0])
        assert 1e-6 < float(error) < 0.05
        text = str(jax.make_jaxpr(lambda m=half_module, v=variables, x=x: run(m, v, x))())
        types = re.findall(r':(\w+)\[[\d,]*\] = conv_general_dilated\[', text)
        assert set(types) == {'bf16'}
    # `half` and `full` are the trunk's: spectral norms do not see the type of the layers.
    assert equal(half[1], full[1])


@pytest.mark.slow
def test_second_derivatives_in_float64_equal_those_over_flax_convolutions(
    generator, trunk, monkeypatch, x64
):
    def wide(tree):
        return jax.tree.map(lambda a: jnp.asarray(np.asarray(a), 'float64'), tree)

    g, g_variables, z = generator[0], wide(generator[1]), wide(generator[2])
    d, d_variables = trunk[0], wide(trunk[1])

    def penalty(params):
        """The squared gradient of the trunk at the generator's images, as R2 takes it."""
        image, _ = run(g, g_variables | {'params': params['g']}, z)
        feature, back = jax.vjp(
            lambda x: run(d, d_variables | {'params': params['d']}, x)[0], image
        )
        return jnp.mean(back(jnp.cos(feature))[0] ** 2)

    params = {'g': g_variables['params'], 'd': d_variables['params']}
    ours = jax.jit(jax.value_and_grad(penalty))(params)
    monkeypatch.setattr(sndcgan, 'Conv', nn.Conv)
    monkeypatch.setattr(sndcgan, 'ConvTranspose', nn.ConvTranspose)
    theirs = jax.jit(jax.value_and_grad(penalty))(params)
    assert {leaf.dtype for leaf in jax.tree.leaves(ours)} == {jnp.dtype('float64')}
    scale = np.sqrt(sum(np.sum(np.square(leaf)) for leaf in jax.tree.leaves(theirs[1])))
    for got, expected in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12 * scale)
