"""The numbers of a log as they are drawn: smoothed by hand, and thinned without losing extremes."""

import math

import numpy as np
import pytest

from gan_jax.reports import curves
from gan_jax.reports.curves import Curve


def test_the_curves_have_the_numbers_of_the_log_by_step():
    rows = [{'step': 4, 'd/real': 0.25, 'eval/fd': 9}, {'step': 2, 'd/real': 0.5}]
    found, left_out = curves.curves_of(rows)
    assert found == {'d/real': Curve((2, 4), (0.5, 0.25)), 'eval/fd': Curve((4,), (9.0,))}
    assert left_out == 0


def test_what_is_no_finite_number_is_no_value():
    values = [None, 'text', True, math.nan, math.inf, [1], {}, 10**400]
    rows = [{'step': i, 'x': value} for i, value in enumerate(values)]
    assert curves.curves_of([*rows, {'step': 99, 'x': 2}])[0] == {'x': Curve((99,), (2.0,))}


def test_more_metrics_than_a_page_can_hold_are_counted():
    row = {'step': 1} | {f'm{i}': i for i in range(curves.METRICS + 7)}
    found, left_out = curves.curves_of([row])
    assert len(found) == curves.METRICS and left_out == 7


def test_smoothing_by_hand():
    """s_0 = 0.5 · 4 / 0.5, s_1 = (0.5 · 2 + 0.5 · 8) / 0.75, s_2 = (0.5 · 5 + 0.5 · 1) / 0.875."""
    assert curves.smoothed([4, 8, 1], 0.5) == pytest.approx([4, 5 / 0.75, 3 / 0.875])


def test_smoothing_leaves_a_constant_and_with_weight_0_everything():
    assert curves.smoothed([3.0] * 50, 0.97) == pytest.approx([3.0] * 50)
    values = list(np.random.default_rng(0).normal(size=20))
    assert curves.smoothed(values, 0.0) == pytest.approx(values)


def test_smoothing_is_a_mean_with_falling_weights():
    values, weight = np.random.default_rng(0).normal(size=30), 0.8
    for i in range(30):
        weights = weight ** np.arange(i, -1, -1.0)
        expected = np.average(values[: i + 1], weights=weights)
        assert curves.smoothed(values, weight)[i] == pytest.approx(expected)


def test_a_short_curve_is_not_thinned():
    assert curves.thinned([3, 1, 2], 4) == [0, 1, 2]


@pytest.mark.parametrize('count', [401, 402, 1000, 12_345])
def test_a_long_curve_keeps_its_ends_and_extremes(count):
    values = list(np.random.default_rng(count).normal(size=count))
    values[count // 3], values[count // 2] = 50.0, -60.0
    kept = curves.thinned(values, 400)
    assert len(kept) <= 400 and len(kept) > 250
    assert kept == sorted({*kept}) and kept[0] == 0 and kept[-1] == count - 1
    assert {count // 3, count // 2} <= {*kept}


def test_every_stretch_of_a_long_curve_keeps_its_spike():
    """A spike of one step in each of many stretches is seen, however long the log."""
    values = [0.0] * 10_000
    spikes = range(37, 10_000, 250)
    for i in spikes:
        values[i] = 1.0
    assert {*spikes} <= {*curves.thinned(values, 400)}


def test_points_are_the_log_s_numbers_and_their_averages_before_thinning():
    values = tuple(np.random.default_rng(0).normal(size=900))
    curve = Curve(tuple(range(0, 1800, 2)), values)
    found = curves.points(curve, 100)
    assert {len(one) for one in found.values()} == {len(found['step'])}
    at = [step // 2 for step in found['step']]
    assert found['v0'] == [values[i] for i in at]
    for level, weight in enumerate(curves.LEVELS[1:], 1):
        expected = curves.smoothed(values, weight)
        assert found[f'v{level}'] == pytest.approx([expected[i] for i in at], rel=1e-4)
