"""Effective rank and intrinsic dimension: by hand, against loops, and of known surfaces."""

import numpy as np
import pytest
from scipy.spatial import KDTree

from gan_jax.evaluate.dimension import effective_rank, intrinsic_dimension

RNG = np.random.default_rng(0)


def of_singular_values(*values, count=40, size=8):
    """Rows around 0 with these singular values."""
    around = RNG.normal(size=(count, len(values)))
    left = np.linalg.qr(around - around.mean(axis=0))[0]
    right = np.linalg.qr(RNG.normal(size=(size, len(values))))[0]
    return left * np.array(values) @ right.T


def test_the_rank_is_that_of_the_entropy_by_hand():
    assert effective_rank(of_singular_values(3, 3, 3)) == pytest.approx(3)
    assert effective_rank(of_singular_values(2, 1, 1)) == pytest.approx(2**1.5)
    assert effective_rank(of_singular_values(5)) == pytest.approx(1)


def test_the_rank_does_not_depend_on_scale_or_place():
    x = of_singular_values(4, 2, 1)
    assert effective_rank(7 * x + 100) == pytest.approx(effective_rank(x), rel=1e-6)


def test_rounding_is_no_direction():
    row = RNG.normal(size=300)
    alike = (row * np.ones((200, 1)) + 1e-9 * RNG.normal(size=(200, 300))).astype(np.float32)
    assert effective_rank(alike) == 0
    line = (alike + np.linspace(0, 1, 200)[:, None] * row).astype(np.float32)
    assert effective_rank(line) == pytest.approx(1, abs=1e-3)


def test_the_dimension_is_that_of_loops():
    x = RNG.normal(size=(90, 5)) + 50
    distances = np.sort(np.linalg.norm(x[:, None] - x, axis=2), axis=1)[:, 1:8]
    local = [6 / np.sum(np.log(row[-1] / row[:-1])) for row in distances]
    assert intrinsic_dimension(x, k=7) == pytest.approx(np.mean(local))
    by_tree = KDTree(x).query(x, k=21)[0][:, 1:]
    local = 19 / np.log(by_tree[:, -1:] / by_tree[:, :-1]).sum(axis=1)
    assert intrinsic_dimension(x) == pytest.approx(local.mean())


@pytest.mark.parametrize('size', [1, 2, 3])
def test_a_torus_in_a_space_of_many_dimensions_has_its_own(size):
    angles = RNG.uniform(0, 2 * np.pi, (3000, size))
    flat = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    x = flat @ np.linalg.qr(RNG.normal(size=(12, 2 * size)))[0].T
    assert intrinsic_dimension(x) == pytest.approx(size * 19 / 18, rel=0.04)


def test_copies_have_no_dimension():
    x = RNG.normal(size=(50, 4)) + 9
    single = intrinsic_dimension(x)
    assert intrinsic_dimension(np.repeat(x, 30, axis=0)) == 0
    assert 0 < intrinsic_dimension(np.concatenate([x, x[:10]])) < single


def test_what_has_none_is_refused():
    with pytest.raises(ValueError, match='N >= 21'):
        intrinsic_dimension(np.ones((20, 3)))
    with pytest.raises(ValueError, match='k must be at least 2'):
        intrinsic_dimension(np.ones((20, 3)), k=1)
    with pytest.raises(ValueError, match='must be finite'):
        effective_rank(np.full((3, 3), np.nan))
