"""Images from memory and from disk: the same batches, the same training."""

import itertools

import jax
import numpy as np
import pytest

from gan_jax.data import DataSet, sampler, stream
from gan_jax.data.dataset import Codes, as_seen
from gan_jax.experiment import build
from gan_jax.experiment.feed import make_feed
from gan_jax.experiment.program import make_program
from gan_jax.runtime import sharding
from gan_jax.terms.adversarial import hinge
from tests import small

pytestmark = pytest.mark.usefixtures('quick')

COUNT = 22


@pytest.fixture
def twins(tmp_path):
    """One data set, in memory and as a file."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (COUNT, *small.SHAPE), dtype=np.uint8)
    labels = rng.integers(0, small.CLASSES, COUNT, dtype=np.int32)
    np.save(tmp_path / 'images.npy', images)
    mapped = np.load(tmp_path / 'images.npy', mmap_mode='r')
    return [DataSet(x, labels, small.CLASSES, 'noise') for x in (images, mapped)]


def test_both_give_the_same_batches_wherever_a_run_begins(twins):
    mesh = sharding.make_mesh(2, small.BATCH)
    memory, disk = (make_feed(d, mesh, batch_size=small.BATCH, rows=2) for d in twins)
    assert disk.resident() == {}  # nothing of it stays on a device
    # In order, from a checkpoint's step, back, and over the end of an epoch.
    for seed, step in [(0, 0), (0, 1), (0, 7), (0, 8), (1, 8), (0, 2)]:
        batches = [
            feed.gather(feed.resident(), feed.index_batch(seed, step)) for feed in (memory, disk)
        ]
        assert batches[0]['image'].shape == (2, small.BATCH, *small.SHAPE)
        rows = sampler.of_step(seed, step, 2, small.BATCH, COUNT)
        np.testing.assert_array_equal(batches[0]['index'], rows)
        assert small.same(*jax.device_get(batches))
        for array in batches[1].values():
            assert array.sharding.spec[1] == 'data'


def test_codes_are_fed_in_their_own_type(twins, tmp_path):
    mesh, stored = sharding.make_mesh(1, small.BATCH), tmp_path / 'codes.npy'
    floats = np.random.default_rng(1).normal(size=(COUNT, 2, 3, 5)).astype(np.float16)
    np.save(stored, floats)
    for array in (floats, np.load(stored, mmap_mode='r')):
        dataset = as_seen(twins[0]._replace(codes=Codes(array, (0.0,) * 5, (1.0,) * 5, *'abc')))
        feed = make_feed(dataset, mesh, batch_size=small.BATCH, rows=2)
        batch = jax.device_get(feed.gather(feed.resident(), feed.index_batch(0, 3)))
        assert batch['image'].dtype == np.float16
        np.testing.assert_array_equal(batch['image'], floats[batch['index']])
        np.testing.assert_array_equal(batch['label'], twins[0].labels[batch['index']])
        promised = {**feed.shapes[0], **feed.shapes[1]}['image']
        assert promised.dtype == np.float16


@pytest.mark.parametrize(
    ('shape', 'pieces'),
    [((128, 128, 3), 2), ((256, 256, 3), 6), ((2, 128, 128), 1), ((191, 191, 1), 191)],
)
def test_an_image_lies_in_rows_that_a_tpu_gathers_whole(shape, pieces):
    """Of 32,768 numbers at most: libtpu would copy all longer rows, in pieces, in every step."""
    rng = np.random.default_rng(2)
    images = rng.integers(0, 256, (5, *shape), dtype=np.uint8)
    feed = make_feed(
        DataSet(images, None, 0, 'noise'),
        sharding.make_mesh(1, small.BATCH),
        batch_size=small.BATCH,
        rows=2,
    )
    rows = feed.resident()['image']
    assert rows.shape == feed.shapes[0]['image'].shape
    assert (len(rows), rows.shape[1] <= 32_768) == (5 * pieces, True)
    batch = jax.device_get(feed.gather(feed.resident(), feed.index_batch(0, 1)))
    np.testing.assert_array_equal(batch['image'], images[batch['index']])


def other(bits, rows):
    """Another image in the place of each, with a number of the first."""
    index = (bits.random_raw(rows.size) % COUNT).reshape(rows.shape)
    return index, {'h': np.float32(rows)[..., None]}


@pytest.mark.parametrize('devices', [1, 4])
def test_images_in_the_place_of_others_are_the_same_ones_from_both(twins, devices):
    mesh, sizes = sharding.make_mesh(devices, small.BATCH), {'batch_size': small.BATCH, 'rows': 2}
    memory, disk = (make_feed(d, mesh, reals=other, **sizes) for d in twins)
    for step, count in [(0, 1), (7, 1), (8, 3)]:
        given = [feed.index_batch(3, step, count) for feed in (memory, disk)]
        batches = [
            jax.device_get(feed.gather(feed.resident(), one))
            for feed, one in zip((memory, disk), given, strict=True)
        ]
        assert small.same(*batches)
        one, *_ = batches
        instance, index = (
            np.stack([draw(3, step + i, 2, small.BATCH, COUNT) for i in range(count)])
            for draw in (sampler.of_step, lambda *at: sampler.drawn(*at, other)['index'])
        )
        np.testing.assert_array_equal(one['index'], index.reshape(one['index'].shape))
        np.testing.assert_array_equal(one['h'].ravel(), instance.ravel())
        np.testing.assert_array_equal(one['image'], twins[0].images[one['index']])
        np.testing.assert_array_equal(one['label'], twins[0].labels[one['index']])


def test_what_is_given_has_the_shapes_types_and_places_that_are_promised(twins):
    mesh = sharding.make_mesh(2, small.BATCH)
    for dataset, reals in itertools.product(twins, (None, other)):
        feed = make_feed(dataset, mesh, batch_size=small.BATCH, rows=2, reals=reals)
        given = feed.resident(), feed.index_batch(0, 0)
        assert jax.tree.structure(given) == jax.tree.structure(feed.shapes)
        for array, promised in zip(*map(jax.tree.leaves, (given, feed.shapes)), strict=True):
            assert (array.shape, array.dtype) == (promised.shape, promised.dtype)
            assert array.sharding == promised.sharding


def test_the_disk_gives_the_right_steps_after_several_at_once(twins, monkeypatch):
    """Wherever the next ones begin: behind those, within them, or with another seed."""
    opened, batches = [], stream.batches

    def counted(*arguments, **options):
        opened.append(options['first'])
        return batches(*arguments, **options)

    monkeypatch.setattr(stream, 'batches', counted)
    mesh = sharding.make_mesh(2, small.BATCH)
    memory, disk = (make_feed(d, mesh, batch_size=small.BATCH, rows=2) for d in twins)
    for seed, step, count in [
        *((0, 0, 3), (0, 3, 1), (0, 4, 2)),  # one after another: the stream goes on
        *((0, 5, 2), (0, 6, 1), (1, 7, 1)),  # not behind the last one: it begins anew
    ]:
        one, other = (
            feed.gather(feed.resident(), feed.index_batch(seed, step, count))
            for feed in (memory, disk)
        )
        assert other['label'].shape == (*([count] if count > 1 else []), 2, small.BATCH)
        assert small.same(*jax.device_get((one, other)))
    assert opened == [0, 5, 6, 7]


@pytest.mark.slow
def test_both_train_to_the_same_bits(twins):
    terms = {'adversarial': hinge()}
    parts = build.Experiment(
        small.make_gan(terms), terms, {'adversarial': 1}, small.make_hyper({'adversarial': 1})
    )
    states = []
    for dataset in twins:
        mesh = sharding.make_mesh(1, small.BATCH)
        program = make_program(parts, dataset, mesh, batch_size=small.BATCH, d_steps=1)
        state = small.start(program)
        for step in range(2):
            state = program.update(state, step, parts.hyper)
        states.append(jax.device_get((state.g, state.d)))
    assert small.same(*states)
