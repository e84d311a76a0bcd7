"""Alignment, uniformity and the neighbours' vote: by hand, and against loops."""

from collections import Counter

import numpy as np
import pytest

from gan_jax.evaluate import rows
from gan_jax.evaluate.geometry import alignment, nearest_neighbours, uniformity

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(30, 6))


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_alignment():
    assert alignment(POINTS, 3 * POINTS) < 1e-28  # lengths do not count
    np.testing.assert_allclose(alignment(POINTS, -POINTS), 4, rtol=1e-12)
    np.testing.assert_allclose(alignment(np.eye(4), np.roll(np.eye(4), 1, axis=0)), 2, rtol=1e-12)
    with pytest.raises(ValueError, match='one shape'):
        alignment(POINTS, POINTS[:9])


def test_uniformity(monkeypatch):
    assert abs(uniformity(np.ones((5, 3)))) < 1e-12
    np.testing.assert_allclose(uniformity(np.array([[1.0, 0], [-1, 0]])), -8, rtol=1e-12)
    x = unit(POINTS)
    pairs = [np.exp(-2 * np.sum((a - b) ** 2)) for a in x for b in x if a is not b]
    expected = np.log(np.sum([p for p in pairs if p < 1]) / (30 * 29))
    np.testing.assert_allclose(uniformity(POINTS), expected, rtol=1e-9)
    monkeypatch.setattr(rows, 'BLOCK', 7)
    np.testing.assert_allclose(uniformity(POINTS), expected, rtol=1e-9)


def test_a_row_of_zeros_has_no_direction():
    """Dead features are met in training: no NaN comes of them."""
    assert np.isfinite(uniformity(np.zeros((4, 3))))
    assert np.isfinite(alignment(np.zeros((4, 3)), POINTS[:4, :3]))


@pytest.mark.parametrize('k', [1, 3, 5])
def test_the_vote_against_loops(k, monkeypatch):
    monkeypatch.setattr(rows, 'BLOCK', 11)
    train, test = unit(POINTS), unit(RNG.normal(size=(40, 6)))
    labels = RNG.integers(0, 3, 30)
    said = []
    for point in test:
        near = labels[np.argsort(-train @ point)[:k]]
        votes = Counter(near.tolist())
        said.append(next(c for c in near if votes[c] == max(votes.values())))
    said = np.array(said)
    assert nearest_neighbours(train, labels, 5 * test, said, k=k) == 1
    wrong = np.where(np.arange(40) < 10, 3, said)
    assert nearest_neighbours(train, labels, test, wrong, k=k) == 0.75


def test_few_voters_all_vote():
    labels = np.array([2, 1, 1])
    assert nearest_neighbours(POINTS[:3], labels, POINTS, np.ones(30, int), k=5) == 1
