"""The figure of a sweep as Vega-Lite specifications: means over seeds, with error bars."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gan_jax.reports.charts import Spec, colour, frame
from gan_jax.runtime.paths import shown
from gan_jax.sweeps.arms import Arm, label, only, varied
from gan_jax.sweeps.figure import Points, Results, baseline_name, panels, quantity
from gan_jax.sweeps.grid import Sweep
from gan_jax.sweeps.statistics import Summary, summary
from gan_jax.sweeps.table import number, values_of

LOGARITHMIC = 30  # the largest over the smallest number of an axis from which it is logarithmic


def figure_charts(sweep: Sweep, results: Results) -> list[Spec]:
    """The charts of `figure.render`: one for each panel, or one with a row for each arm."""
    baseline = summary(values_of(sweep, results, sweep.baseline))
    if sweep.x is None:
        return [_by_arm(sweep, results, baseline)]
    found = panels(sweep, results).items()
    return [_panel(sweep, title, curves, baseline) for title, curves in found]


def named(sweep: Sweep, arm: Arm) -> str:
    """The label of an arm: the keys in which arms differ."""
    return label(only(arm, varied(sweep.arms))) or 'all'


def _panel(
    sweep: Sweep, title: str, curves: Mapping[str, Points], baseline: Summary | None
) -> Spec:
    """The metric against the swept number, a colour for each curve."""
    rows = [
        _point(curve or sweep.metric, x, values)
        for curve, points in curves.items()
        for x, values in sorted(points.items())
    ]
    xs = sorted({row['x'] for row in rows})
    wide = bool(xs) and xs[0] > 0 and xs[-1] / xs[0] >= LOGARITHMIC
    shared = {
        'x': {
            'field': 'x',
            'type': 'quantitative',
            'title': shown(sweep.x),
            'scale': {'type': 'log'} if wide else {'zero': False},
            'axis': {'values': xs, 'format': '~g'},
        },
        'color': colour([*dict.fromkeys(row['label'] for row in rows)], sweep.curve),
    }
    mean = {'mark': {'type': 'line', 'aria': False}, 'encoding': {**shared, 'y': _mean(sweep)}}
    layers = [*_baseline(sweep, 'y', baseline), mean, *_marks('y', _mean(sweep), shared)]
    return {
        **frame(_in_words(sweep, rows), 280),
        **({'title': shown(title)} if title else {}),
        'data': {'values': rows},
        'layer': layers,
    }


def _by_arm(sweep: Sweep, results: Results, baseline: Summary | None) -> Spec:
    """The metric of each arm, one row for each."""
    rows = [
        _point(named(sweep, arm), 0, values)
        for arm in sweep.arms
        if (values := values_of(sweep, results, arm))
    ]
    names = [row['label'] for row in rows]
    arm = {'field': 'label', 'type': 'nominal', 'sort': names, 'title': None}
    shared = {'y': arm | {'axis': {'labelLimit': 220}}}
    return {
        **frame(_in_words(sweep, rows), 60 + 34 * len(rows)),
        'data': {'values': rows},
        'layer': [*_baseline(sweep, 'x', baseline), *_marks('x', _mean(sweep), shared)],
    }


def _point(name: str, x: float, values: Sequence[float]) -> dict[str, Any]:
    """A row of a chart: mean and standard deviation over seeds; a single seed has no bar."""
    found = summary(values)
    row = {'label': shown(name), 'x': x, 'mean': found.mean, 'seeds': [*values]}
    if found.count > 1:
        row |= {'low': found.mean - found.sd, 'high': found.mean + found.sd, 'sd': found.sd}
    return row


def _mean(sweep: Sweep) -> Spec:
    title = shown(quantity(sweep))
    return {'field': 'mean', 'type': 'quantitative', 'title': title, 'scale': {'zero': False}}


def _marks(axis: str, mean: Spec, shared: Spec) -> list[Spec]:
    """Seeds as small dots, bars of one standard deviation, means as points with a tooltip.

    Args:
        axis: of the metric, 'x' or 'y'.
        mean: the encoding of the mean on it.
        shared: the other encodings.
    """
    alike = {key: value for key, value in mean.items() if key != 'field'}
    tooltip = [
        {'field': 'label', 'title': 'arm'},
        {'field': 'mean', 'type': 'quantitative', 'format': '.4g'},
        {'field': 'sd', 'type': 'quantitative', 'format': '.3g'},
    ]
    return [
        {
            'transform': [{'flatten': ['seeds']}],
            'mark': {'type': 'point', 'filled': True, 'size': 14, 'opacity': 0.6, 'aria': False},
            'encoding': {**shared, axis: alike | {'field': 'seeds'}},
        },
        {
            'transform': [{'filter': 'isValid(datum.sd)'}],
            'mark': {'type': 'rule', 'aria': False, 'strokeWidth': 1.5},
            'encoding': {**shared, axis: alike | {'field': 'low'}, f'{axis}2': {'field': 'high'}},
        },
        {
            'mark': {'type': 'point', 'filled': True, 'size': 70, 'opacity': 1},
            'encoding': {**shared, axis: mean, 'tooltip': tooltip},
        },
    ]


def _baseline(sweep: Sweep, axis: str, baseline: Summary | None) -> list[Spec]:
    """A dashed line at the mean of the baseline."""
    if baseline is None:
        return []
    tooltip = shown(baseline_name(sweep.baseline, sweep))
    mark = {'type': 'rule', 'strokeDash': [5, 4], 'aria': False, 'tooltip': tooltip}
    mean = _mean(sweep) | {'field': 'at'}
    return [{'data': {'values': [{'at': baseline.mean}]}, 'mark': mark, 'encoding': {axis: mean}}]


def _in_words(sweep: Sweep, rows: Sequence[Mapping[str, Any]]) -> str:
    """A chart in words, for readers who do not see it."""
    said = []
    for row in rows:
        at = f' at {row["x"]:g}' if sweep.x else ''
        found = f'{number(row["mean"])} ± {number(row.get("sd", math.nan))}'
        said.append(f'{row["label"]}{at}: {found}')
    against = f' against {shown(sweep.x)}' if sweep.x else ''
    return f'{shown(quantity(sweep))}{against}. {"; ".join(said)}.'
