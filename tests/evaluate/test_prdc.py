"""Precision, recall, density and coverage against the definitions written out with loops."""

import numpy as np
import pytest

from gan_jax.evaluate import neighbours, rows
from gan_jax.evaluate.prdc import prdc, precision_recall


def sets(n=40, m=31, size=4, shift=0.8):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, size)), 0.7 * rng.normal(size=(m, size)) + shift


def by_loops(real, fake, k, within):
    def radius(points, i):
        return sorted(np.linalg.norm(points[i] - p) for p in np.delete(points, i, axis=0))[k - 1]

    def holds(centres, radii, point):
        distances = [np.linalg.norm(point - centre) for centre in centres]
        return [within(d, r) for d, r in zip(distances, radii, strict=True)]

    of_real = [radius(real, i) for i in range(len(real))]
    of_fake = [radius(fake, i) for i in range(len(fake))]
    in_real = np.array([holds(real, of_real, f) for f in fake])  # [M, N]
    in_fake = np.array([holds(fake, of_fake, r) for r in real])
    return {
        'precision': in_real.any(axis=1).mean(),
        'recall': in_fake.any(axis=1).mean(),
        'density': in_real.sum() / (k * len(fake)),
        'coverage': in_real.any(axis=0).mean(),
    }


@pytest.mark.parametrize('k', [1, 3, 5])
def test_against_loops(k):
    expected = by_loops(*sets(), k, np.less)
    assert 0 < expected['precision'] < 1 and 0 < expected['recall'] < 1
    assert prdc(*sets(), k=k) == pytest.approx(expected, rel=1e-12)


def test_the_customs_of_the_two_papers():
    """Whole numbers tie: a point on a ball's surface is in for the one and out for the other."""
    real, fake = np.array([[0.0], [2.0], [4.0]]), np.array([[6.0], [8.0], [12.0]])
    assert prdc(real, fake, k=1)['precision'] == 0
    assert precision_recall(real, fake, k=1) == {'precision': 1 / 3, 'recall': 1 / 3}
    assert {*precision_recall(real, fake, k=1)} == {'precision', 'recall'}
    wide = by_loops(*sets(), 3, np.less_equal)
    assert precision_recall(*sets()) == {key: wide[key] for key in ('precision', 'recall')}
    assert prdc(*sets()) == prdc(*sets(), k=5)


@pytest.mark.parametrize('block', [2, 2048])
def test_ties_of_whole_numbers_are_exact(block, monkeypatch):
    """By hand: balls of 1, 1 and 2 around 0, 1 and 3; the reals' mean, 4/3, is no float.

    -1 lies on the first one's surface, 2 on the second's and in the third, 4 in the third.
    """
    monkeypatch.setattr(rows, 'BLOCK', block)
    real, fake = np.array([[0], [1], [3]]), np.array([[-1], [2], [4], [9]])
    inside = {'precision': 1 / 2, 'recall': 1, 'density': 1 / 2, 'coverage': 1 / 3}
    assert prdc(real, fake, k=1) == inside
    assert prdc(real + 1000, fake + 1000, k=1) == inside
    assert prdc(np.tile(real, 9), np.tile(fake, 9), k=1) == inside
    assert precision_recall(real, fake, k=1) == {'precision': 3 / 4, 'recall': 1}


def test_blocks_change_nothing(monkeypatch):
    whole, told = prdc(*sets()), []
    monkeypatch.setattr(rows, 'BLOCK', 7)
    assert prdc(*sets(), progress=lambda *at: told.append(at)) == pytest.approx(whole, rel=1e-12)
    total = 6 * 6 + 5 * 5 + 6 * 5
    assert told == [(i, total) for i in range(1, total + 1)]


def test_no_matrix_of_all_pairs_is_held(monkeypatch):
    monkeypatch.setattr(rows, 'BLOCK', 7)
    held, distances = [], neighbours.distances

    def watched(*arguments):
        for found in distances(*arguments):
            held.append(found[2].size)
            yield found

    monkeypatch.setattr(neighbours, 'distances', watched)
    prdc(*sets())
    assert max(held) == 49


def test_of_a_set_and_itself():
    real = sets()[0]
    found = prdc(real, real)
    assert found['precision'] == found['recall'] == found['coverage'] == 1
    np.testing.assert_allclose(found['density'], 1, rtol=1e-12)  # itself and k - 1 others
    assert prdc(real, real + 100) == dict.fromkeys(found, 0)


def test_a_distant_pair_keeps_its_digits():
    real, fake = sets()
    moved = prdc(real + 1e6, fake + 1e6)
    assert moved == prdc(real, fake)


def test_what_does_not_fit_is_refused():
    real, fake = sets()
    with pytest.raises(ValueError, match=r'fake must be \[N, F\] with N >= 6, got shape \(5, 4\)'):
        prdc(real, fake[:5])
    with pytest.raises(ValueError, match='k must be at least 1, got 0'):
        prdc(real, fake, k=0)
    with pytest.raises(ValueError, match='one set has 4 features, the other 3'):
        precision_recall(real, fake[:, :3])
