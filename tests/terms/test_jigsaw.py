"""The puzzle: tiles by hand, the cross entropy in NumPy with errors planted in it, the views."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.terms.jigsaw import PERMUTATIONS, jigsaw, permute_tiles, shuffled_tiles
from gan_jax.terms.labels import LinearHeads
from gan_jax.views import View


def test_the_permutations_are_all_24_and_the_first_moves_nothing():
    assert sorted(map(tuple, PERMUTATIONS)) == sorted(itertools.permutations(range(4)))
    assert [*PERMUTATIONS[0]] == [0, 1, 2, 3]


def test_tiles_by_hand():
    """Pixels are named by the tile that they are in; each tile keeps its inner order."""
    image = np.float32(
        [
            [0.0, 0.1, 1.0, 1.1],
            [0.2, 0.3, 1.2, 1.3],
            [2.0, 2.1, 3.0, 3.1],
            [2.2, 2.3, 3.2, 3.3],
        ]
    )[None, :, :, None]
    row = [tuple(p) for p in PERMUTATIONS].index((2, 0, 3, 1))
    moved = permute_tiles(np.concatenate([image, image]), jnp.array([0, row]))
    np.testing.assert_array_equal(moved[0], image[0])
    np.testing.assert_array_equal(
        moved[1, :, :, 0],
        np.float32(
            [
                [2.0, 2.1, 0.0, 0.1],
                [2.2, 2.3, 0.2, 0.3],
                [3.0, 3.1, 1.0, 1.1],
                [3.2, 3.3, 1.2, 1.3],
            ]
        ),
    )


def test_the_record_says_what_was_done_to_each_image():
    rng = np.random.default_rng(0)
    own = {
        'image': rng.random((64, 6, 4, 2)).astype(np.float32),
        'label': np.arange(64, dtype=np.int32),
    }
    record = shuffled_tiles(jax.random.key(0), {'own': own}, None, 0)
    assert record.keys() == {'image', 'label', 'permutation'}
    index = np.asarray(record['permutation'])
    assert index.dtype == np.int32 and len({*index}) > 12 and index.min() >= 0 and index.max() < 24
    expected = permute_tiles(own['image'], index)
    np.testing.assert_array_equal(record['image'], expected)
    np.testing.assert_array_equal(record['label'], own['label'])
    assert not np.array_equal(record['image'], own['image'])


@pytest.mark.parametrize('shape', [(2, 3, 4, 1), (2, 4, 5, 1)])
def test_odd_sides_are_refused(shape):
    with pytest.raises(ValueError, match=f'images of {shape[1]}x{shape[2]} have no four equal til'):
        permute_tiles(jnp.zeros(shape), jnp.zeros(2, jnp.int32))


def losses(logits, index):
    out = {
        name: {'head': {'order': logits}, 'permutation': index}
        for name in ('real_shuffled', 'fake_shuffled')
    }
    term = jigsaw()
    return term.d.loss(out, {}, None)[0], term.g.loss(out, {}, None)[0]


def test_by_hand():
    logits = np.zeros((2, 24), np.float32)
    logits[1, 5] = np.log(2)
    # Nothing known: ln 24. Twice as likely as each of 23 others: ln(25 / 2).
    d, g = losses(logits, np.array([3, 5]))
    expected = pytest.approx((np.log(24) + np.log(12.5)) / 2, abs=1e-6)
    assert (d, g) == ({'real': expected}, {'fake': expected})


def formula(logits, index, sign=1, factor=1, shift=0):
    rows = []
    for row, i in zip(logits, index, strict=True):
        p = np.exp(sign * row) / np.exp(sign * row).sum()
        rows.append(-np.log(p[(i + shift) % 24]))
    return factor * np.mean(rows)


def test_is_the_formula_and_tells_it_from_three_errors(x64):
    rng = np.random.default_rng(0)
    logits, index = rng.standard_normal((5, 24)), rng.integers(0, 24, 5)
    ((found,), _) = (one.values() for one in losses(logits, index))
    assert found == pytest.approx(formula(logits, index), abs=1e-8, rel=0)
    for error in ({'sign': -1}, {'factor': 2}, {'shift': 1}):
        assert abs(found - formula(logits, index, **error)) > 1e-3, error


def test_fields():
    term = jigsaw()
    assert term.d.views == {'real_shuffled': View('real', shuffled_tiles)}
    assert term.g.views == {'fake_shuffled': View('fake', shuffled_tiles)}
    assert term.head == LinearHeads(('order',), 24, use_bias=True) and term.init() == {}
