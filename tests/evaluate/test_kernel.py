"""The kernel distance against its sums written out, and as an unbiased estimate."""

import itertools

import numpy as np
import pytest

from gan_jax.evaluate import kernel, rows


def sets(n=12, m=9, size=5, shift=0.4):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, size)), rng.normal(size=(m, size)) + shift


def by_loops(x, y):
    """MMD² of Binkowski et al. 2018, equation 4, one pair at a time."""
    k = lambda a, b: (float(a @ b) / len(a) + 1) ** 3  # noqa: E731
    within_x = sum(k(a, b) for a, b in itertools.permutations(x, 2)) / (len(x) * (len(x) - 1))
    within_y = sum(k(a, b) for a, b in itertools.permutations(y, 2)) / (len(y) * (len(y) - 1))
    across = sum(k(a, b) for a in x for b in y) / (len(x) * len(y))
    return within_x + within_y - 2 * across


def test_all_rows_against_a_double_loop():
    np.testing.assert_allclose(kernel.kid(*sets()), by_loops(*sets()), rtol=1e-12)


def test_blocks_change_nothing(monkeypatch):
    whole = kernel.kid(*sets())
    monkeypatch.setattr(rows, 'BLOCK', 4)
    np.testing.assert_allclose(kernel.kid(*sets()), whole, rtol=1e-12)


def test_by_hand():
    """One feature: k(0, 1) = 1, k(1, 2) = 27, k(0, 2) = 1, k(1, 1) = 8."""
    x, y = np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]])
    assert kernel.kid(x, y) == 1 + 27 - 2 * (1 + 1 + 8 + 27) / 4


def test_one_subset_of_all_rows_is_all_rows():
    x, y = sets(m=12)
    whole = kernel.kid(x, y)
    np.testing.assert_allclose(kernel.kid(x, y, subsets=1, subset_size=12), whole, rtol=1e-12)
    np.testing.assert_allclose(kernel.kid(x, y, subsets=1), whole, rtol=1e-12)


def test_all_splits_of_one_set_average_to_zero():
    """Unbiased: over every way to split eight points in two the estimate is 0 on average."""
    z = sets(8)[0]
    halves = [set(half) for half in itertools.combinations(range(8), 4)]
    values = [kernel.kid(z[[*h]], z[[*set(range(8)) - h]]) for h in halves]
    assert abs(np.mean(values)) < 1e-13 < max(values)


def test_subsets_are_drawn_by_the_seed():
    x, y = sets(60, 50)
    first = kernel.kid(x, y, subsets=3, subset_size=20)
    assert first == kernel.kid(x, y, subsets=3, subset_size=20, seed=0)
    assert first != kernel.kid(x, y, subsets=3, subset_size=20, seed=1)
    many = kernel.kid(x, y, subsets=400, subset_size=20)
    assert abs(many - kernel.kid(x, y)) < abs(kernel.kid(x, y)) / 2


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ({'subsets': 2, 'subset_size': 10}, 'the sets have 12 and 9 rows'),
        ({'subsets': 2, 'subset_size': 1}, 'got 2 of 1'),
        ({'subsets': 0}, 'got 0 of 9'),
        ({'subset_size': 4}, 'give both'),
    ],
)
def test_subsets_that_cannot_be_drawn_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        kernel.kid(*sets(), **options)


def test_bad_features_are_refused():
    x, y = sets()
    with pytest.raises(ValueError, match='one set has 5 features, the other 4'):
        kernel.kid(x, y[:, :4])
    with pytest.raises(ValueError, match=r'y must be \[N, F\] with N >= 2, got shape \(1, 5\)'):
        kernel.kid(x, y[:1])
    x[3, 2] = np.nan
    with pytest.raises(ValueError, match='x must be finite'):
        kernel.kid(x, y)
