"""Subsets: so many of each class, drawn by the seed alone."""

import numpy as np
import pytest

from gan_jax import data
from gan_jax.data import subsets
from gan_jax.data.dataset import DataSet
from gan_jax.runtime.errors import USAGE, UserError


@pytest.fixture
def whole():
    """100 images of three classes with 60, 39 and 1; the first pixel is the image's number."""
    labels = np.repeat(np.array([2, 0, 1], np.int32), [60, 39, 1])[
        np.random.default_rng(0).permutation(100)
    ]
    images = np.zeros((100, 2, 2, 1), np.uint8)
    images[:, 0, 0, 0] = np.arange(100)
    return DataSet(images, labels, 3, 'whole')


def test_every_class_gives_its_share(whole):
    part, indices = data.subset(whole, 0.25, 0)
    assert np.bincount(part.labels).tolist() == [10, 1, 15]  # round(9.75), at least one, 15
    assert indices.dtype == np.int32
    assert (np.diff(indices) > 0).all()
    np.testing.assert_array_equal(part.images[:, 0, 0, 0], indices)
    np.testing.assert_array_equal(part.labels, whole.labels[indices])
    assert (part.num_classes, part.name) == (3, 'whole')


def test_known_numbers(whole):
    """NumPy guarantees the raw stream of Philox, so these hold on every machine and version."""
    assert data.subset(whole, 0.05, 7)[1].tolist() == [47, 57, 71, 76, 84, 92]


def test_seeds_differ_and_a_smaller_part_is_in_a_larger(whole):
    drawn = {seed: set(data.subset(whole, 0.2, seed)[1].tolist()) for seed in range(60)}
    assert len({frozenset(d) for d in drawn.values()}) == 60
    assert set.union(*drawn.values()) >= set(range(100)) - set(np.flatnonzero(whole.labels == 1))
    assert set(data.subset(whole, 0.1, 3)[1].tolist()) < drawn[3]


def test_classes_are_drawn_independently():
    twice = DataSet(np.zeros((100, 1, 1, 1), np.uint8), np.repeat(np.arange(2), 50), 2, 'twice')
    indices = data.subset(twice, 0.2, 0)[1]
    assert (indices[:10] != indices[10:] - 50).any()


def test_all_is_the_data_set_itself(whole):
    part, indices = data.subset(whole, 1.0, 0)
    assert part.images is whole.images
    assert indices.tolist() == list(range(100))


def test_without_labels_all_are_one_class(whole):
    part, indices = data.subset(whole._replace(labels=None, num_classes=0), 0.3, 0)
    assert part.labels is None
    assert len(part.images) == len(indices) == 30


@pytest.mark.parametrize('fraction', [0, -0.1, 1.1, float('nan')])
def test_fraction_out_of_range(whole, fraction):
    with pytest.raises(UserError, match=f'at most 1, got {fraction}') as caught:
        data.subset(whole, fraction, 0)
    assert caught.value.status == USAGE


@pytest.mark.parametrize('seed', [-1, 2**31])
def test_seed_out_of_range(whole, seed):
    with pytest.raises(UserError, match=f'2147483647, got {seed}'):
        data.subset(whole, 0.5, seed)


def test_of_images_on_the_disk_what_fits_is_taken(whole, tmp_path, monkeypatch):
    np.save(tmp_path / 'images.npy', whole.images)
    mapped = whole._replace(images=np.load(tmp_path / 'images.npy', mmap_mode='r'))
    part, indices = data.subset(mapped, 0.25, 0)
    assert not isinstance(part.images, np.memmap)
    np.testing.assert_array_equal(part.images, whole.images[indices])
    # The function hides the module of its name.
    monkeypatch.setattr(subsets, 'MEMORY', 4 * 26 - 1)
    with pytest.raises(UserError, match="fraction 0.25 of 'whole' is 0.0 GB, more than"):
        data.subset(mapped, 0.25, 0)
    assert len(data.subset(whole, 0.25, 0)[1]) == 26


# A split of its own -------------------------------------------------------------------------------


def test_a_tenth_is_held_out_of_every_class(whole):
    kept, held = data.hold_out(whole, 0.1)
    assert len(kept.images) == 90 and np.bincount(held.labels, minlength=3).tolist() == [4, 0, 6]
    numbers = [one.images[:, 0, 0, 0] for one in (kept, held)]
    assert sorted(np.concatenate(numbers).tolist()) == list(range(100))
    for one, rows in zip((kept, held), numbers, strict=True):
        assert (np.diff(rows.astype(int)) > 0).all()  # in the order of the whole
        np.testing.assert_array_equal(one.labels, whole.labels[rows])
    again = data.hold_out(whole, 0.1)[1]
    np.testing.assert_array_equal(held.images, again.images)


def test_many_small_classes_give_their_tenth_together():
    labels = np.repeat(np.arange(20, dtype=np.int32), 3)
    some = DataSet(np.arange(60, dtype=np.uint8).reshape(60, 1, 1, 1), labels, 20, 'some')
    kept, held = data.hold_out(some, 0.1)
    assert len(held.images) == 6 and len({*held.labels}) == 6 and len({*kept.labels}) == 20


def test_images_without_labels_are_one_class(whole):
    kept, held = data.hold_out(whole._replace(labels=None, num_classes=0), 0.25)
    assert (len(kept.images), len(held.images), held.labels) == (75, 25, None)
    few = whole._replace(images=whole.images[:2], labels=None)
    assert [len(one.images) for one in data.hold_out(few, 0.01)] == [1, 1]


def test_what_cannot_be_held_out_is_refused(whole, tmp_path):
    each = whole._replace(images=whole.images[:3], labels=np.arange(3, dtype=np.int32))
    with pytest.raises(UserError, match='no class with two: config.data.held_out'):
        data.hold_out(each, 0.1)
    mapped = np.memmap(tmp_path / 'x', np.uint8, 'w+', shape=whole.images.shape)
    with pytest.raises(UserError, match='too large for config.data.held_out'):
        data.hold_out(whole._replace(images=mapped), 0.1)
