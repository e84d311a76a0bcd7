"""StyleGAN2's generator: published counts, the whole of it in NumPy, w, noise and truncation."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models.stylegan2.generator import Generator, number_of_w
from gan_jax.sampling.generate import BATCH, make_generate
from gan_jax.terms.path_length import image_slopes
from tests import parameters, small
from tests.models.stylegan2 import loops

SHAPE = (8, 8, 2)
LABEL = np.array([0, 2, 1])
NARROW = dict(units=6, layers=2, base=32, most=3, rate=0.5)


def initial(module, size=512):
    start = partial(module.init, train=True)
    return jax.eval_shape(start, jax.random.key(0), np.zeros((2, size)), np.zeros(2, np.int32))


def made(dtype=np.float32, silent=False, shape=SHAPE, **options):
    """A narrow generator and numbers for its variables."""
    module = Generator(shape, **(NARROW | options))
    return module, loops.numbers(initial(module, 4), dtype, silent)


def latents(n=3, seed=0):
    return np.random.default_rng(seed).standard_normal((n, 4))


def called(module, variables, z, label=LABEL, *, train=False, seed=0, method='__call__'):
    """The record, and the collections after the call."""

    @small.jit
    def run(variables, z, label):
        rngs = {'noise': jax.random.key(seed)}
        options = dict(train=train, rngs=rngs, mutable=['averages'], method=method)
        return module.apply(variables, z, label, **options)

    return run(variables, z, label)


# Parameters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('side', 'options', 'parameters_'),
    [
        (32, dict(num_classes=10), 20_215_315),
        (32, dict(), 19_947_539),
        (32, dict(architecture='orig'), 19_154_954),
        (32, dict(architecture='resnet'), 19_941_386),
        (32, dict(base=16_384), 19_947_539),  # 512 channels everywhere, with either base
        (64, dict(base=16_384), 22_243_608),
        (64, dict(), 25_456_664),
        (128, dict(base=16_384), 22_949_277),
        (256, dict(base=16_384), 23_191_522),
        (256, dict(base=16_384, layers=8), 24_767_458),
        (256, dict(layers=8), 30_034_338),
        (1024, dict(layers=8), 30_370_060),
    ],
)
def test_it_has_as_many_parameters_as_the_published_one(side, options, parameters_):
    variables = initial(Generator((side, side, 3), **({'layers': 2} | options)))
    assert parameters.count(variables) == parameters_
    assert variables['averages']['w'].shape == (512,)


@pytest.mark.parametrize(('classes', 'own'), [(0, 525_312), (10, 793_088)])
def test_the_mapping_has_its_share_of_them(classes, own):
    variables = initial(Generator((32, 32, 3), layers=2, num_classes=classes))
    assert parameters.count({'params': variables['params']['mapping']}) == own


@pytest.mark.parametrize('shape', [(4, 4, 3), (36, 34, 3), (2048, 16, 3)])
def test_sizes_without_layers_are_refused(shape):
    with pytest.raises(
        ValueError, match='StyleGAN2 takes images whose sides are multiples of 2 up'
    ):
        initial(Generator(shape))


# The whole ---------------------------------------------------------------------------------------


def reference(params, w, architecture):
    """Images in [-1, 1] and beyond from w, block by block, without noise."""
    params = params['synthesis']
    x = np.broadcast_to(params['constant'], (len(w), *params['constant'].shape))
    image, used, sides = 0, 0, [4, 8, 16][: w.shape[1] // 2]
    for side in sides:
        own, before = params[f'block_{side}'], x
        if side > 4:
            x = loops.styled(own['conv_0'], x, w[:, used], up=True)
            used += 1
        gain = 0.5**0.5 if architecture == 'resnet' and side > 4 else 1
        x = loops.styled(own['conv_1'], x, w[:, used], gain=gain)
        used += 1
        if 'shortcut' in own:
            x = x + loops.doubled(loops.dense(own['shortcut'], before)) * 0.5**0.5
        image = loops.doubled(image) if side > 4 and architecture == 'skip' else image
        if f'image_{side}' in params:
            image = image + loops.image(params[f'image_{side}'], x, w[:, used])
    return image


@pytest.mark.parametrize('architecture', ['skip', 'resnet', 'orig'])
def test_images_are_the_layers_one_after_another(architecture, x64):
    """Every convolution has the next w; an RGB shares the next block's first."""
    module, variables = made(np.float64, silent=True, architecture=architecture)
    w = np.random.default_rng(2).standard_normal((2, number_of_w(SHAPE), 6))
    record, _ = called(module, variables, w, None, train=True, method='synthesize')
    expected = (reference(variables['params'], w, architecture) + 1) / 2
    np.testing.assert_allclose(record['image'], expected, atol=1e-9)


def test_w_are_the_mapping_s_and_images_are_cut_off_in_evaluation_alone(x64):
    module, variables = made(np.float64, silent=True, num_classes=3)
    variables['params']['synthesis']['image_8']['bias'] = np.float64([-1.0, 1.0])
    (inner, _), (seen, _) = (called(module, variables, latents(), train=t) for t in (True, False))
    np.testing.assert_allclose(inner['w'], seen['w'], atol=1e-12)
    assert inner['w'].shape == (3, 4, 6) and (inner['w'] == inner['w'][:, :1]).all()
    assert inner['image'].min() < 0 and inner['image'].max() > 1
    np.testing.assert_allclose(np.clip(inner['image'], 0, 1), seen['image'], atol=1e-12)


def test_the_first_rgb_has_the_w_of_the_second_block():
    module, variables = made(silent=True)
    w = jnp.asarray(np.random.default_rng(2).standard_normal((1, 4, 6)), jnp.float32)

    @small.jit
    def slopes(w):
        def total(w):
            _, maps = module.apply(
                *(variables, w, None),
                train=True,
                method='synthesize',
                rngs={'noise': jax.random.key(0)},
                capture_intermediates=lambda part, _: part.name == 'image_4',
                mutable=['intermediates'],
            )
            return maps['intermediates']['synthesis']['image_4']['__call__'][0].sum()

        return jax.grad(total)(w)

    moved = np.abs(slopes(w))[0].max(1)
    assert (moved[:2] > 1e-4).all() and (moved[2:] == 0).all()


# The average w -----------------------------------------------------------------------------------


def test_the_average_takes_the_first_w_s_mean_in_training(x64):
    """Not the w that styles are mixed with, and no gradient."""
    for mixing in (0.0, 1.0):
        module, variables = made(np.float64, mixing=mixing)
        before = variables['averages']['w']
        record, after = called(module, variables, latents(), train=True)
        first = np.asarray(record['w'])[:, 0]
        expected = 0.995 * before + 0.005 * first.mean(0)
        np.testing.assert_allclose(after['averages']['w'], expected, rtol=1e-6)
    _, after = called(module, variables, latents())
    np.testing.assert_array_equal(after['averages']['w'], before)


def test_without_psi_every_image_is_the_average_s():
    module, variables = made(silent=True, truncation=0.0)
    record, _ = called(module, variables, latents().astype('f4'))
    centre = np.broadcast_to(variables['averages']['w'], (3, 4, 6))
    expected, _ = called(module, variables, centre, method='synthesize')
    np.testing.assert_allclose(record['w'], centre, rtol=1e-6)
    np.testing.assert_allclose(record['image'], expected['image'], atol=1e-6)
    np.testing.assert_allclose(record['image'][0], record['image'][1], atol=1e-6)


def test_psi_shrinks_the_way_from_the_average_in_the_first_layers_alone():
    module, variables = made()
    plain, _ = called(module, variables, latents().astype('f4'))
    own, _ = called(module.clone(truncation=0.7, truncated=3), variables, latents().astype('f4'))
    centre = variables['averages']['w']
    near = centre + 0.7 * (np.asarray(plain['w'])[:, :3] - centre)
    np.testing.assert_allclose(own['w'][:, :3], near, rtol=1e-5)
    np.testing.assert_array_equal(own['w'][:, 3:], plain['w'][:, 3:])
    trained, _ = called(module.clone(truncation=0.7), variables, latents().astype('f4'), train=True)
    np.testing.assert_allclose(trained['w'], plain['w'], rtol=1e-5)


# Style mixing ------------------------------------------------------------------------------------


def drawn_w(module, variables, z):
    """(key) -> w in training, compiled."""

    @small.jit
    def run(key):
        options = dict(train=True, rngs={'noise': key}, mutable=['averages'])
        return module.apply(variables, z, None, **options)[0]['w']

    return run


def test_mixed_styles_change_at_one_layer_for_the_whole_batch():
    module, variables = made(mixing=1)  # an integer, as a config may have
    z = latents().astype('f4')
    plain = np.asarray(drawn_w(module.clone(mixing=0.0), variables, z)(small.new_key(0)))
    draw, cutoffs = drawn_w(module, variables, z), set()
    for seed in range(12):
        w = np.asarray(draw(small.new_key(seed)))
        kept = np.isclose(w, plain, rtol=1e-5).all(2)
        cutoff = int(kept[0].sum())
        assert (kept == (np.arange(4) < cutoff)).all()
        assert (w[:, cutoff:] == w[:, -1:]).all()
        cutoffs.add(cutoff)
    assert cutoffs == {1, 2, 3}


def test_styles_are_mixed_with_the_probability_and_never_in_evaluation():
    module, variables = made(mixing=0.5)
    z = latents().astype('f4')
    draw = drawn_w(module, variables, z)
    mixes = [bool((w != w[:, :1]).any()) for w in (draw(small.new_key(i)) for i in range(100))]
    assert 35 < sum(mixes) < 65
    seen, _ = called(module, variables, z)
    assert (seen['w'] == seen['w'][:, :1]).all()


# Noise -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_image_keeps_its_noise_whatever_is_drawn_with_it():
    module, variables = made()
    variables['params']['synthesis']['image_8']['kernel'] /= 4
    draw = make_generate(module, latent_dim=4, class_counts=(1,))
    alone = np.concatenate([*draw(variables, 3, [BATCH + 7])])
    among = np.concatenate([*draw(variables, 3, np.arange(2 * BATCH))])
    np.testing.assert_array_equal(alone[0], among[BATCH + 7])
    _, still = made(silent=True)
    still['params']['synthesis']['image_8']['kernel'] /= 4
    silent = np.concatenate([*draw(still, 3, [BATCH + 7])])
    assert np.abs(alone[0].astype(int) - silent[0]).max() > 5


def test_noise_is_drawn_for_every_layer_and_image():
    module, variables = made()
    w = np.ones((2, 4, 6), 'f4')
    one, _ = called(module, variables, w, None, train=True, method='synthesize')
    other, _ = called(module, variables, w, None, train=True, method='synthesize', seed=1)
    assert np.abs(one['image'] - other['image']).max() > 0.01
    assert np.abs(one['image'][0] - one['image'][1]).max() > 0.01
    strengths = [
        path
        for path, _ in jax.tree_util.tree_leaves_with_path(variables)
        if path[-1].key == 'strength'
    ]
    assert len(strengths) == 3  # of the three convolutions


# With its neighbours -----------------------------------------------------------------------------


def test_the_path_length_is_measured_in_w(x64):
    """The mean over the w of an image, of the squares of its slope in each."""
    module, variables = made(np.float64, silent=True)
    w = np.random.default_rng(2).standard_normal((2, 4, 6))

    def make(w, label):
        rngs = {'noise': jax.random.key(0)}
        return module.apply(variables, w, label, train=True, rngs=rngs, method='synthesize')

    def lengths(w):
        return image_slopes(jax.random.key(3), make, w, None, SHAPE)

    noise = np.asarray(jax.random.normal(small.new_key(3), (2, *SHAPE))) / 8

    def projected(w):
        return np.sum(reference(variables['params'], w, 'skip') * noise, (1, 2, 3))

    slope = np.zeros(w.shape)
    for layer in range(4):
        for unit in range(6):
            step = np.zeros(w.shape)
            step[:, layer, unit] = 1e-5
            slope[:, layer, unit] = (projected(w + step) - projected(w - step)) / 2e-5
    expected = np.sqrt((slope**2).sum(2).mean(1))
    np.testing.assert_allclose(small.jit(lengths)(w), expected, rtol=1e-6)


@pytest.mark.parametrize(('side', 'low'), [(8, (8,)), (32, (8, 16, 32)), (128, (16, 32, 64, 128))])
def test_the_four_largest_sides_but_the_first_are_in_half_precision(side, low):
    module = Generator((side, side, 3), dtype=jnp.bfloat16, **(NARROW | dict(base=512)))
    z, label, key = np.zeros((2, 4), 'f4'), np.zeros(2, np.int32), jax.random.key(0)
    keep = dict(capture_intermediates=lambda part, _: str(part.name).startswith('block_'))

    def run(key):
        return module.init_with_output(key, z, label, train=True, **keep)

    record, variables = jax.eval_shape(run, key)
    maps = variables['intermediates']['synthesis']
    halves = {int(name[6:]) for name, x in maps.items() if x['__call__'][0].dtype == 'bfloat16'}
    assert halves == {*low}
    assert {record[name].dtype for name in ('image', 'w')} == {np.dtype('float32')}
    assert {leaf.dtype for leaf in jax.tree.leaves(variables['params'])} == {np.dtype('float32')}
