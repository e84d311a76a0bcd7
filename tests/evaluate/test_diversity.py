"""Diversity against loops, and the alarm: it rings for collapsed sets and for no healthy one."""

from itertools import combinations

import numpy as np
import pytest

from gan_jax import data
from gan_jax.evaluate import diversity as module
from gan_jax.evaluate import features, rows
from gan_jax.evaluate.diversity import COLLAPSED, diversity, spread, vendi, vendi_ratio


def test_spread_against_a_double_loop(monkeypatch):
    x = np.random.default_rng(0).normal(size=(23, 4)) + 100
    pairs = [np.linalg.norm(a - b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]
    np.testing.assert_allclose(spread(x), np.mean(pairs), rtol=1e-9)
    monkeypatch.setattr(rows, 'BLOCK', 5)
    np.testing.assert_allclose(spread(x), np.mean(pairs), rtol=1e-9)


def test_of_the_same_set_of_half_of_it_and_of_one_point():
    x = np.random.default_rng(0).normal(size=(40, 4))
    assert diversity(x, x) == 1
    np.testing.assert_allclose(diversity(x / 2 + 7, x), 0.5, rtol=1e-9)
    assert diversity(np.ones((5, 4)), x) < 1e-6


def test_vendi_counts_what_is_different():
    far = 100 * np.eye(6)
    assert vendi(far, 1.0) == pytest.approx(6)
    assert vendi(np.repeat(far[:2], 5, axis=0), 1.0) == pytest.approx(2)  # ten rows of two kinds
    assert vendi(np.ones((7, 3)), 1.0) == pytest.approx(1)
    # Two rows at similarity k: the eigenvalues of K / 2 are (1 ± k) / 2.
    k = np.exp(-(3**2) / (2 * 2**2))
    p = np.array([1 + k, 1 - k]) / 2
    assert vendi(np.array([[0.0], [3.0]]), 2.0) == pytest.approx(np.exp(-np.sum(p * np.log(p))))


def test_the_ratio_is_of_as_many_reals_whatever_their_order(digits):
    seen, labels = digits
    by_class = seen[np.argsort(labels, kind='stable')]
    shuffled = np.random.default_rng(0).permutation(seen)
    for some in (shuffled[:100], shuffled):
        assert vendi_ratio(some, by_class) == pytest.approx(1, abs=0.1)


def test_reals_may_lie_by_class(monkeypatch):
    monkeypatch.setattr(module, 'LIMIT', 50)
    rng = np.random.default_rng(0)
    real = np.repeat(10 * rng.normal(size=(10, 4)), 40, axis=0) + rng.normal(size=(400, 4))
    assert diversity(rng.permutation(real), real) == pytest.approx(1, abs=0.2)


def test_what_cannot_be_compared_is_refused():
    x = np.random.default_rng(0).normal(size=(40, 4))
    with pytest.raises(ValueError, match='the reals are all alike'):
        diversity(x, np.zeros((5, 4)))
    with pytest.raises(ValueError, match=r'fake must be \[N, F\] with N >= 2'):
        diversity(x[:1], x)


@pytest.fixture(scope='module')
def digits():
    dataset = data.load('digits')
    return features.digits(dataset.images).features, dataset.labels


@pytest.mark.parametrize('modes', [0, 1, 2])
@pytest.mark.parametrize('seed', range(5))
def test_constant_one_mode_and_two_mode_sets_ring(digits, modes, seed):
    seen, labels = digits
    rng = np.random.default_rng(seed)
    chosen = np.isin(labels, rng.choice(10, modes, replace=False))
    collapsed = seen[chosen] if modes else np.tile(seen[seed], (100, 1))
    assert vendi_ratio(collapsed, seen) < COLLAPSED


def test_no_healthy_subset_rings(digits):
    seen, _ = digits
    rng = np.random.default_rng(0)
    subsets = [seen[rng.choice(len(seen), 200, replace=False)] for _ in range(20)]
    assert min(vendi_ratio(subset, seen) for subset in subsets) > 2 * COLLAPSED


def test_no_two_classes_are_taken_for_ten(digits):
    seen, labels = digits
    pairs = [vendi_ratio(seen[np.isin(labels, two)], seen) for two in combinations(range(10), 2)]
    assert len(pairs) == 45 and max(pairs) < COLLAPSED
