"""The sampler: every image once an epoch, batches that depend on (seed, step) and nothing else."""

import numpy as np
import pytest
from scipy import stats

from gan_jax.data import sampler
from gan_jax.data.sampler import drawn, indices, of_step, permutation
from gan_jax.runtime.errors import PartError


def epoch(seed, number, batch_size, size):
    """All indices of one epoch in order."""
    batches = size // batch_size
    steps = range(number * batches, (number + 1) * batches)
    return np.concatenate([indices(seed, step, batch_size, size) for step in steps])


def test_type_shape_and_range():
    batch = indices(0, 12_345, 64, 1437)
    assert batch.shape == (64,)
    assert batch.dtype == np.int32
    assert batch.min() >= 0
    assert batch.max() < 1437


@pytest.mark.parametrize('number', [0, 1, 7])
def test_an_epoch_holds_every_image_once_when_the_batch_divides(number):
    assert sorted(epoch(3, number, 16, 64)) == list(range(64))


@pytest.mark.parametrize(('batch_size', 'size'), [(10, 64), (64, 100), (33, 64), (1, 7), (7, 7)])
def test_an_epoch_holds_no_image_twice(batch_size, size):
    drawn = epoch(0, 2, batch_size, size)
    assert len(drawn) == size // batch_size * batch_size
    assert len(set(drawn.tolist())) == len(drawn)


def test_a_step_holds_the_batches_of_its_updates_in_order():
    for step in (0, 3, 11):
        rows = of_step(5, step, 3, 8, 50)
        assert rows.dtype == np.int32
        expected = [indices(5, 3 * step + i, 8, 50).tolist() for i in range(3)]
        assert rows.tolist() == expected


def test_what_one_epoch_drops_another_shows():
    assert set(np.concatenate([epoch(0, n, 30, 50) for n in range(20)]).tolist()) == set(range(50))


def test_epochs_and_seeds_differ():
    orders = {permutation(seed, number, 64).tobytes() for seed in range(10) for number in range(10)}
    assert len(orders) == 100


def test_any_order_of_calls_gives_the_same():
    forward = [indices(5, step, 8, 50).tolist() for step in range(60)]
    permutation.cache_clear()
    backward = [indices(5, step, 8, 50).tolist() for step in reversed(range(60))]
    assert forward == backward[::-1]


def test_writing_into_a_batch_changes_no_later_one():
    batch = indices(0, 0, 8, 50)
    expected = batch.copy()
    batch[:] = -1
    np.testing.assert_array_equal(indices(0, 0, 8, 50), expected)
    with pytest.raises(ValueError, match='read-only'):
        permutation(0, 0, 50)[0] = 1


def test_known_numbers():
    """NumPy guarantees the raw stream of Philox, so these hold on every machine and version."""
    assert indices(0, 0, 8, 1437).tolist() == [1051, 998, 162, 670, 664, 185, 322, 431]
    assert indices(7, 100, 4, 10).tolist() == [8, 5, 7, 2]


def test_equal_numbers_keep_their_order(monkeypatch):
    """Another order would be that of the sort of a NumPy version."""

    class Philox:
        def __init__(self, key):
            pass

        def random_raw(self, size):
            return np.arange(size, dtype=np.uint64) % 3

    monkeypatch.setattr(np.random, 'Philox', Philox)
    expected = [image for rest in range(3) for image in range(rest, 100, 3)]
    assert permutation.__wrapped__(0, 0, 100).tolist() == expected


def test_every_image_is_equally_likely_at_every_place():
    size, epochs = 8, 4000
    orders = np.stack([permutation(1, number, size) for number in range(epochs)])
    # counts[i, j]: how often image j came at place i; chi-squared with (size - 1)² degrees.
    counts = np.stack([np.bincount(orders[:, place], minlength=size) for place in range(size)])
    statistic = ((counts - epochs / size) ** 2).sum() / (epochs / size)
    assert 0.001 < stats.chi2.sf(statistic, (size - 1) ** 2) < 0.999


def test_neighbours_are_independent():
    size, epochs = 8, 4000
    orders = np.stack([permutation(2, number, size) for number in range(epochs)])
    following = (orders[:, 1] - orders[:, 0]) % size  # uniform on 1 .. size - 1
    assert stats.chisquare(np.bincount(following, minlength=size)[1:]).pvalue > 0.001


@pytest.mark.parametrize('batch_size', [0, -1, 11])
def test_batch_size_out_of_range(batch_size):
    with pytest.raises(ValueError, match=f'between 1 and the 10 images, got {batch_size}'):
        indices(0, 0, batch_size, 10)


@pytest.mark.parametrize(('seed', 'step'), [(-1, 0), (0, -1)])
def test_negative_seed_or_step(seed, step):
    with pytest.raises(ValueError, match=f'got seed {seed} and step {step}'):
        indices(seed, step, 4, 10)


# Images in the place of others --------------------------------------------------------------------


def moved(bits, rows):
    """A random image in the place of each, with the row of the first."""
    other = (bits.random_raw(rows.size) % 50).reshape(rows.shape)
    return other, {'first': rows}


def test_an_example_is_like_a_step_and_shuffles_nothing(monkeypatch):
    def reals(bits, rows):
        return rows, {'h': np.zeros((*rows.shape, 3), np.float32)}

    def forms(arrays):
        return {name: (x.shape, x.dtype) for name, x in arrays.items()}

    steps = [forms(drawn(5, 3, 2, 8, 50, own)) for own in (None, reals)]
    monkeypatch.setattr(sampler, 'permutation', None)
    assert [forms(sampler.example(2, 8, 50, own)) for own in (None, reals)] == steps


def test_without_reals_of_its_own_a_step_has_its_rows_alone():
    found = drawn(5, 3, 2, 8, 50)
    assert found.keys() == {'index'}
    np.testing.assert_array_equal(found['index'], of_step(5, 3, 2, 8, 50))


def test_other_images_are_a_function_of_seed_and_step():
    found = {at: drawn(*at, 2, 8, 50, moved) for at in [(5, 3), (5, 4), (6, 3)]}
    for at, one in found.items():
        np.testing.assert_array_equal(one['first'], of_step(*at, 2, 8, 50))
        assert one['index'].dtype == np.int32
        np.testing.assert_array_equal(one['index'], drawn(*at, 2, 8, 50, moved)['index'])
    assert len({one['index'].tobytes() for one in found.values()}) == 3


def test_their_bits_are_not_those_of_the_permutations():
    seen = []
    drawn(5, 0, 1, 8, 50, lambda bits, rows: seen.append(bits.random_raw(50)) or (rows, {}))
    of_epoch = np.random.Philox(key=[5, 0]).random_raw(50)
    assert not {*seen[0].tolist()} & {*of_epoch.tolist()}


@pytest.mark.parametrize(
    ('reals', 'words'),
    [
        (lambda bits, rows: (rows[:1], {}), r'the rows of its reals is an array \[1, 8\] where an'),
        (lambda bits, rows: (rows + 50, {}), 'the rows of its reals are no integers from 0 to 49'),
        (lambda bits, rows: (rows - 50, {}), 'the rows of its reals are no integers from 0 to 49'),
        (lambda bits, rows: (rows / 1, {}), 'the rows of its reals are no integers from 0 to 49'),
        (lambda bits, rows: (rows, {'label': rows}), "its reals have an entry 'label', which has"),
        (
            lambda bits, rows: (rows, {'h': rows[0]}),
            r"the entry 'h' of its reals is an array \[8\]",
        ),
        (
            lambda bits, rows: (rows, {'h': rows / 1}),
            "the entry 'h' of its reals is float64: give float32",
        ),
        (lambda bits, rows: rows.nothing, "AttributeError: 'numpy.ndarray' object has no attri"),
    ],
)
def test_what_is_no_batch_of_reals_is_refused(reals, words):
    with pytest.raises(PartError, match=f'^config.latent: {words}'):
        drawn(5, 3, 2, 8, 50, reals)
