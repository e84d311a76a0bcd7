"""Diversity against loops, and the alarm: it rings for collapsed sets and for no healthy one."""

import numpy as np
import pytest

from gan_jax import data
from gan_jax.evaluate import features, rows
from gan_jax.evaluate.diversity import COLLAPSED, diversity, spread


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
    assert diversity(collapsed, seen) < COLLAPSED


def test_no_healthy_subset_rings(digits):
    seen, _ = digits
    rng = np.random.default_rng(0)
    subsets = [seen[rng.choice(len(seen), 200, replace=False)] for _ in range(20)]
    assert min(diversity(subset, seen) for subset in subsets) > COLLAPSED
