"""Spread, paired differences and the top 15 %, against hand computation and scipy.stats."""

import math

import numpy as np
import pytest
import scipy.stats

from gan_jax.sweeps.statistics import paired, summary, top


def test_mean_and_the_samples_deviation():
    # Deviations -2, 0, 2: the sum of squares is 8, over 3 - 1.
    assert summary([1.0, 3.0, 5.0]) == (3.0, 2.0, 3)


def test_one_value_has_no_spread_and_none_has_nothing():
    mean, sd, count = summary([7.0])
    assert (mean, count) == (7.0, 1) and math.isnan(sd)
    assert summary([]) is None


@pytest.mark.parametrize('count', [2, 3, 10])
def test_paired_difference_is_scipys(count):
    a, b = np.random.default_rng(count).normal(size=(2, count))
    expected = scipy.stats.ttest_rel(a, b).confidence_interval(0.95)
    found = paired(dict(enumerate(a)), dict(enumerate(b)))
    assert found.count == count
    np.testing.assert_allclose(found[:3], [np.mean(a - b), *expected], rtol=1e-12)


def test_paired_difference_by_hand():
    # Differences 1, 2, 3: mean 2, deviation 1; Student's quantile with 2 degrees is 4.302653.
    found = paired({0: 11.0, 1: 22.0, 2: 33.0}, {0: 10.0, 1: 20.0, 2: 30.0})
    half = 4.302653 / math.sqrt(3)
    np.testing.assert_allclose(found[:3], [2, 2 - half, 2 + half], rtol=1e-6)


def test_only_seeds_that_both_have_are_paired():
    found = paired({0: 5.0, 2: 9.0, 3: 1.0}, {1: 100.0, 2: 4.0, 0: 2.0})
    assert (found.mean, found.count) == (4.0, 2)
    assert paired({0: 1.0}, {1: 1.0}) is None


def test_one_pair_has_no_interval():
    found = paired({4: 5.0}, {4: 2.0})
    assert (
        (found.mean, found.count) == (3.0, 1) and math.isnan(found.low) and math.isnan(found.high)
    )


@pytest.mark.parametrize(('count', 'kept'), [(14, 2), (19, 2), (20, 3), (40, 6), (100, 15)])
def test_top_15_percent(count, kept):
    values = list(np.random.default_rng(0).permutation(count).astype(float))
    assert top(values, higher=False) == summary([float(i) for i in range(kept)])
    assert top(values, higher=True).mean == np.mean(range(count - kept, count))


def test_thirteen_runs_have_no_top():
    assert top([0.0] * 13, higher=False) is None
