"""R3GAN2's generator: the whole of it in loops with faults planted, first images, noise, types."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models.r3gan2.generator import Generator
from gan_jax.models.r3gan2.magnitude import MPDense
from gan_jax.models.r3gan2.stage import Stage
from tests import small
from tests.models.r3gan2.loops import FAULTS, Loops
from tests.parameters import count

LABEL = np.array([0, 2, 1])
NARROW = dict(widths=(8, 4), group_size=4, blocks=2)
PUBLISHED = {
    'cifar10': (32, (512,) * 3, 10, 17_335_425),
    'without classes': (32, (512,) * 3, 0, 17_269_249),
    'ffhq64': (64, (512,) * 4, 0, 22_653_441),
    'ffhq256': (256, (*(512,) * 4, 256, 128), 0, 24_855_425),
    'imagenet32': (32, (1024,) * 3, 1000, 60_947_969),
    'imagenet64': (64, (1024,) * 4, 1000, 80_104_961),
}


def latents(length=4):
    return np.random.default_rng(0).standard_normal((3, length)).astype('float32')


def rngs(seed=1):
    return {'params': jax.random.key(0), 'noise': jax.random.key(seed)}


@pytest.mark.parametrize('name', PUBLISHED)
def test_parameters_are_as_many_as_in_the_published_networks(name):
    side, widths, classes, expected = PUBLISHED[name]
    start = partial(Generator((side, side, 3), widths, num_classes=classes).init_with_output)
    image, variables = jax.eval_shape(partial(start, train=True), rngs(), latents(64), LABEL)
    assert image.shape == (3, side, side, 3) and {*variables} == {'params'}
    assert count(variables) == expected


def test_the_published_number_is_of_channels_in_a_group():
    """32, where R3GAN's number of that place, 96, is of groups."""
    generator = Generator((32, 32, 3), (512,) * 3)
    start = partial(generator.init, train=True)
    params = jax.eval_shape(start, rngs(), latents(64), LABEL)['params']
    kernel = params['stage_0']['block_0']['conv']['centred']['kernel']
    assert kernel.shape == (3, 3, 32, 1024)
    assert params['basis']['centred']['kernel'].shape == (4, 4, 32, 1024)


@pytest.mark.slow
def test_is_its_formula_and_not_one_with_a_fault(x64):
    generator = Generator((16, 16, 2), num_classes=3, **NARROW)
    z, drawn = latents().astype(float), []
    start = partial(generator.init, train=True)
    shapes = jax.eval_shape(start, rngs(), z, LABEL)
    variables = small.numbers(shapes, np.random.default_rng(3), 'float64')

    def recorded(key, shape, dtype):
        if len(shape) < 4:  # the shape of a first value, which nothing reads
            return jnp.zeros(shape, dtype)
        drawn.append(np.random.default_rng(len(drawn)).standard_normal(shape))
        return jnp.asarray(drawn[-1], dtype)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax.random, 'normal', recorded)
        run = small.jit(partial(generator.apply, train=True))
        found = run(variables, z, LABEL, rngs={'noise': jax.random.key(0)})
    noises = [noise[..., 0] for noise in drawn]
    assert [noise.shape for noise in noises] == [(3, 8, 8)] * 2 + [(3, 16, 16)] * 2

    def apart(fault):
        expected = Loops(4, fault, noises).generated(variables['params'], z, LABEL)
        assert fault or expected.max() > 1  # there is no tanh
        return np.abs(found - expected).max()

    assert apart('') < 1e-11
    for fault in FAULTS:
        assert apart(fault) > 1e-3, fault


def started(**options):
    generator = Generator((16, 16, 3), **(NARROW | dict(blocks=1) | options))
    start = small.jit(partial(generator.init_with_output, train=True))
    return generator, *start(rngs(), latents(), LABEL)


@pytest.mark.slow
def test_blocks_do_nothing_at_first_and_classes_are_alike():
    generator, image, variables = started(num_classes=3, attention=(8,), head_size=4)
    params = variables['params']
    for stage in ('stage_0', 'stage_1'):
        for name, block in params[stage].items():
            params[stage][name] = jax.tree.map(lambda x: x + float(x.ndim > 1), block)
    run = small.jit(partial(generator.apply, train=True))
    for label in (LABEL, np.zeros(3, np.int32)):
        again = run({'params': params}, latents(), label, rngs={'noise': jax.random.key(2)})
        np.testing.assert_allclose(again, image, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_images_begin_with_magnitude_one():
    """In [-1, 1], of latents of many numbers: standard deviation 1, or less by the resampling."""
    generator = Generator((8, 8, 3), (32,), 16, blocks=1)
    start = small.jit(partial(generator.init_with_output, train=True))
    z = np.random.default_rng(4).standard_normal((64, 32)).astype('float32')
    image, _ = start(rngs(), z, None)
    assert 0.3 < np.std(2 * image - 1) < 1.2 and abs(np.mean(2 * image - 1)) < 0.1


@pytest.mark.slow
def test_noise_changes_images_once_a_block_does_something_and_evaluation_clips():
    generator, _, variables = started()
    params = variables['params']
    params['scale'] *= 9.0
    params['stage_1']['block_0']['alpha'] += 1.0
    run = small.jit(partial(generator.apply, train=False))
    z = np.repeat(latents()[:1], 3, axis=0)
    one, same, other = (
        run({'params': params}, z, LABEL, rngs={'noise': jax.random.key(seed)})
        for seed in (2, 2, 3)
    )
    assert (np.min(one), np.max(one)) == (0, 1)
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-3
    assert np.abs(one[0] - one[1]).max() > 1e-3  # equal latents, maps of their own


@pytest.mark.usefixtures('mixed_types')
def test_half_precision_is_in_the_stages_alone():
    generator = Generator((32, 32, 1), (8, 8, 8), 4, blocks=1, dtype=jnp.bfloat16)
    kinds = (Stage, MPDense)
    run = partial(
        generator.init_with_output,
        train=True,
        capture_intermediates=lambda one, _: isinstance(one, kinds),
    )
    image, variables = jax.eval_shape(run, rngs(), latents(), LABEL)
    assert {str(x.dtype) for x in jax.tree.leaves(variables['params'])} == {'float32'}
    found = variables['intermediates']
    types = {name: found[name]['__call__'][0] for name in ('dense', 'narrow', 'image')}
    assert {str(x.dtype) for x in types.values()} == {'float32'} and image.dtype == jnp.float32
    for i in range(3):
        x, gain = found[f'stage_{i}']['__call__'][0]
        assert (str(x.dtype), str(gain.dtype)) == ('bfloat16', 'float32')
