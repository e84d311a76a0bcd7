"""Images by index: the same bits in whatever portions and on however many devices they are made."""

import hashlib

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import labels
from gan_jax.data.autoencoder import Decoder
from gan_jax.keys import named
from gan_jax.run.observe import GRID
from gan_jax.sampling.generate import BATCH, make_generate, takes_labels
from gan_jax.sampling.standing import make_standing
from tests import small

COUNT = 230
MODES = ('moving', 'batch', 'standing(3)')


@pytest.fixture(scope='module')
def variables():
    shapes = jax.eval_shape(
        lambda: small.Generator().init(
            jax.random.key(0), jnp.zeros((2, small.LATENT)), jnp.zeros(2, jnp.int32), train=True
        )
    )
    return small.numbers(shapes, np.random.default_rng(0), np.float32)


def drawing(devices=1, **options):
    return make_generate(
        small.Generator(),
        latent_dim=small.LATENT,
        class_counts=(1,) * small.CLASSES,
        devices=jax.devices()[:devices],
        **options,
    )


def images_of(generate, variables, indices, seed=5):
    return np.concatenate(list(generate(variables, seed, indices)))


def digest(images):
    return hashlib.sha256(images.tobytes()).hexdigest()


@pytest.fixture(scope='module', params=MODES)
def mode_and_whole(request, variables):
    return request.param, images_of(drawing(batch_norm=request.param), variables, range(COUNT))


@pytest.mark.parametrize('portion', [1, 7, 64])
def test_portions_make_no_difference(portion, mode_and_whole, variables):
    mode, whole = mode_and_whole
    generate = drawing(batch_norm=mode)
    count = 20 if portion == 1 else COUNT
    portions = [range(i, min(i + portion, count)) for i in range(0, count, portion)]
    found = np.concatenate([images_of(generate, variables, one) for one in portions])
    assert digest(found) == digest(whole[:count])


@pytest.mark.parametrize('devices', [2, 4])
def test_the_number_of_devices_makes_no_difference(devices, mode_and_whole, variables):
    mode, whole = mode_and_whole
    for _ in range(2):
        found = images_of(drawing(devices, batch_norm=mode), variables, range(COUNT))
        assert digest(found) == digest(whole)


def test_any_indices_in_their_order(mode_and_whole, variables):
    mode, whole = mode_and_whole
    some = [229, 3, 150, 151, 0, 3]
    found = images_of(drawing(2, batch_norm=mode), variables, some)
    np.testing.assert_array_equal(found, whole[some])
    assert not list(drawing(batch_norm=mode)(variables, 0, []))


def test_values_outside_the_unit_interval_are_clipped():
    class Beyond(nn.Module):
        @nn.compact
        def __call__(self, z, label, *, train):
            return jnp.broadcast_to(jnp.array([-0.1, 0.4, 1.1]), (len(z), 1, 1, 3))

    generate = make_generate(Beyond(), latent_dim=2, class_counts=(1,), batch_norm='batch')
    np.testing.assert_array_equal(images_of(generate, {}, [0])[0, 0, 0], [0, 102, 255])


def test_all_devices_work(variables):
    where = set()

    class Telling(nn.Module):
        @nn.compact
        def __call__(self, z, label, *, train):
            assert len(z) == BATCH
            jax.debug.callback(lambda first: where.add(float(first)), z[0, 0])
            return jnp.zeros((len(z), 4, 4, 1))

    generate = make_generate(Telling(), latent_dim=2, class_counts=(1,), devices=jax.devices()[:3])
    first = next(generate({}, 0, range(300)))
    jax.effects_barrier()
    assert len(first) == BATCH and len(where) == 3  # three blocks at once for the first of them


def raw(variables, mode, index, seed=5, **options):
    """One block, by the equations of BatchNorm rather than the module."""
    key = named(jax.random.key(seed), 'sample')
    z = jax.vmap(lambda i: jax.random.normal(jax.random.fold_in(key, i), (small.LATENT,)))(index)
    return small.Generator().apply(variables, z, index % small.CLASSES, **options)


@pytest.mark.slow
def test_batch_norm_takes_the_statistics_that_are_asked_for(variables):
    index = jnp.arange(BATCH)
    moving = raw(variables, 'moving', index, train=False)
    batch, _ = raw(variables, 'batch', index, train=True, mutable=['batch_stats'])
    for mode, expected in (('moving', moving), ('batch', batch)):
        found = images_of(drawing(batch_norm=mode), variables, range(BATCH))
        np.testing.assert_allclose(found / 255, expected, atol=0.5 / 255 + 1e-5)
    assert np.abs(moving - batch).max() > 0.05


def test_standing_statistics_are_the_means_over_batches(variables):
    rng = np.random.default_rng(1)
    draws = [
        (jnp.asarray(rng.normal(size=(50, small.LATENT)), jnp.float32), jnp.zeros(50, jnp.int32))
        for _ in range(4)
    ]
    found = make_standing(small.Generator())(variables, iter(draws))['batch_stats']['BatchNorm_0']
    dense = variables['params']['Dense_0']
    before = [np.asarray(z) @ dense['kernel'] + dense['bias'] for z, _ in draws]
    np.testing.assert_allclose(found['mean'], np.mean([x.mean(0) for x in before], 0), atol=1e-5)
    np.testing.assert_allclose(found['var'], np.mean([x.var(0) for x in before], 0), rtol=1e-4)


@pytest.mark.slow
def test_standing_statistics_are_of_all_classes_whatever_is_drawn():
    class Labelled(nn.Module):
        @nn.compact
        def __call__(self, z, label, *, train):
            x = nn.BatchNorm(not train, use_bias=False, use_scale=False)(
                label[:, None].astype(jnp.float32)
            )
            return x[:, :, None, None] / 4 + 0.4

    z = jnp.zeros((2, small.LATENT))
    stats = Labelled().init(jax.random.key(0), z, jnp.zeros(2, jnp.int32), train=True)
    sizes = dict(latent_dim=small.LATENT, class_counts=(1, 1, 1), batch_norm='standing(3)')
    every = images_of(make_generate(Labelled(), **sizes), stats, range(3))
    alone = np.concatenate([*make_generate(Labelled(), **sizes)(stats, 5, range(3), label=2)])
    np.testing.assert_array_equal(alone[0], every[2])
    # Three batches of 100 hold each class a hundred times: mean 1, variance 2/3.
    assert every[1, 0, 0, 0] == 102


@pytest.mark.slow
def test_standing_statistics_leave_everything_else_alone(variables):
    class Other(nn.Module):
        @nn.compact
        def __call__(self, z, label, *, train):
            return nn.SpectralNorm(nn.Dense(4))(z, update_stats=train).reshape(-1, 2, 2, 1)

    z, label = jnp.ones((3, small.LATENT)), jnp.zeros(3, jnp.int32)
    spectral = Other().init(jax.random.key(0), z, label, train=True)
    assert small.same(make_standing(Other())(spectral, [(z, label)]), spectral)
    after = make_standing(small.Generator())(variables, [(z, label)])
    assert small.same(after['params'], variables['params'])


@pytest.mark.parametrize('mode', MODES)
def test_a_block_that_was_begun_may_lose_its_variables(mode, variables):
    """As training does, whose next step takes the state's memory."""
    generate, on_device = drawing(batch_norm=mode), jax.device_put(variables)
    expected = images_of(generate, on_device, range(GRID))
    begun = generate(on_device, 5, range(GRID))
    taken = small.jit(lambda tree: jax.tree.map(lambda x: 0 * x, tree), donate_argnums=0)
    jax.block_until_ready(taken(on_device))
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(on_device))
    np.testing.assert_array_equal(np.concatenate(list(begun)), expected)


def test_an_image_is_rounded_from_float32():
    class Half(nn.Module):
        @nn.compact
        def __call__(self, z, label, *, train):
            return jnp.full((len(z), 1, 1, 1), 200.6 / 255, jnp.float32)

    generate = make_generate(Half(), latent_dim=2, class_counts=(1,))
    assert set(images_of(generate, {}, range(3)).ravel().tolist()) == {201}


class Labelled(nn.Module):
    """Reads the label or not, by an option of any name."""

    reads: bool

    @nn.compact
    def __call__(self, z, label, *, train):
        x = nn.Dense(4)(z)
        x = x + nn.Embed(3, 4)(label) if self.reads else x
        return x.reshape(-1, 2, 2, 1)


def test_a_generator_takes_labels_if_its_images_depend_on_them():
    assert takes_labels(Labelled(True), 2) is True
    assert takes_labels(Labelled(False), 2) is False
    assert takes_labels(small.Generator(), small.LATENT) is False


@pytest.mark.parametrize('devices', [1, 3])
def test_labels_follow_their_proportions_on_any_number_of_devices(devices):
    class Telling(nn.Module):
        @nn.compact
        def __call__(self, z, label, *, train):
            return jnp.broadcast_to(label[:, None, None, None] / 255, (len(z), 1, 1, 1))

    generate = make_generate(
        Telling(), latent_dim=2, class_counts=(5, 0, 2), devices=jax.devices()[:devices]
    )
    found = images_of(generate, {}, range(250)).ravel()
    np.testing.assert_array_equal(found, labels.at((5, 0, 2), range(250)))
    assert np.bincount(found[:70]).tolist() == [50, 0, 20]


def test_what_the_generator_makes_is_decoded_before_it_is_cut_and_rounded(variables):
    """A decoder gets unbounded numbers, and its own weights as arguments."""
    got = []

    def decode(weights, made):
        got.append(made.shape)
        assert isinstance(weights['shift'], jax.core.Tracer)
        return jnp.repeat(4 * made - weights['shift'], 2, axis=1)

    decoder = Decoder({'shift': np.float32(1.5)}, decode)
    codes = images_of(drawing(), variables, range(130)).astype(float) / 255
    found = images_of(drawing(decoder=decoder), variables, range(130))
    assert {shape[0] for shape in got} == {BATCH}
    assert found.shape == (130, 2 * codes.shape[1], *codes.shape[2:])
    expected = 255 * np.clip(4 * codes.repeat(2, axis=1) - 1.5, 0, 1)
    assert np.abs(found - expected).max() <= 0.5 + 4 * 0.5 + 1e-3  # the codes are rounded here
    assert 0.1 < np.mean((found > 0) & (found < 255)) < 0.9
