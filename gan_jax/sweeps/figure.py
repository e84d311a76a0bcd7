"""figure.png: the metric against the swept number, one curve per method."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gan_jax.evaluate.curve import COLOURS
from gan_jax.sweeps.arms import Arm, label, numbers, only, varied
from gan_jax.sweeps.grid import Sweep
from gan_jax.sweeps.results import Result
from gan_jax.sweeps.statistics import Summary, summary
from gan_jax.sweeps.table import values_of

MARKERS = 'osD^vPX*'
GREY = '#595959'

Results = Mapping[str, Result]
Points = Mapping[float, list[float]]  # x -> the metric of every seed


def render(sweep: Sweep, results: Results) -> bytes:
    """The figure as PNG: mean and standard deviation over seeds, the baseline dashed.

    With `sweep.x` as the horizontal axis there is a curve for each value of `sweep.curve` and a
    panel for each combination of the other keys. Without it there is one row per arm.

    Raises:
        ImportError: matplotlib is not installed.
    """
    import matplotlib.figure

    if sweep.x is None:
        figure = matplotlib.figure.Figure((7, 1.2 + 0.4 * len(sweep.arms)), layout='constrained')
        _rows(figure.subplots(), sweep, results)
    else:
        found = panels(sweep, results)
        across = min(len(found), 4)
        down = -(-len(found) // across)
        size = (1 + (5.4 if across == 1 else 3.0 * across), 1 + (3.2 if down == 1 else 2.6 * down))
        figure = matplotlib.figure.Figure(size, layout='constrained')
        axes = figure.subplots(down, across, sharey=True, squeeze=False).flatten()
        for axis in axes[len(found) :]:
            axis.remove()
        _curves(figure, axes, found, sweep, summary(values_of(sweep, results, sweep.baseline)))
    for axis in figure.axes:
        axis.spines[['top', 'right']].set_visible(False)
    file = io.BytesIO()
    figure.savefig(file, dpi=160, format='png')
    return file.getvalue()


def panels(sweep: Sweep, results: Results) -> dict[str, dict[str, Points]]:
    """Panel -> curve -> points of the finished runs. An arm without x has no point."""
    beside = [key for key in varied(sweep.arms) if key not in (sweep.x, sweep.curve)]
    found: dict[str, dict[str, dict[float, list[float]]]] = {}
    for arm in sweep.arms:
        values = values_of(sweep, results, arm)
        if values and numbers(sweep.x, [arm]):
            curves = found.setdefault(label(only(arm, beside)), {})
            points = curves.setdefault(str(arm.get(sweep.curve, '')), {})
            points.setdefault(arm[sweep.x], []).extend(values)
    return found or {'': {}}


def _curves(
    figure: Any,
    axes: Any,
    panels: Mapping[str, Mapping[str, Points]],
    sweep: Sweep,
    baseline: Summary | None,
) -> None:
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    shown: dict[str, Any] = {}
    for axis, (title, curves) in zip(axes, panels.items(), strict=False):
        axis.set_title(title.replace(',', '\n'), fontsize='medium')  # a panel is narrow
        if baseline is not None:
            shown[baseline_name(sweep.baseline, sweep)] = axis.axhline(
                baseline.mean, color=GREY, linestyle='--', linewidth=1
            )
        for name, points in curves.items():
            shown[name] = _curve(axis, points, names.index(name))
        _axis(axis, sorted({x for curve in curves.values() for x in curve}))
    figure.supxlabel(sweep.x, fontsize='medium')
    figure.supylabel(quantity(sweep), fontsize='medium')
    legend = figure.legend(
        [*shown.values()], [*shown], loc='outside right upper', title=sweep.curve, frameon=False
    )
    legend.set_alignment('left')


def _curve(axis: Any, points: Points, index: int) -> Any:
    xs = sorted(points)
    found = [summary(points[x]) for x in xs]
    return axis.errorbar(
        xs,
        [one.mean for one in found],
        # A single seed has no spread, so no bar, rather than a bar of length 0.
        yerr=[one.sd for one in found],
        color=COLOURS[index % len(COLOURS)],
        marker=MARKERS[index % len(MARKERS)],
        markersize=5,
        capsize=3,
        linewidth=1.5,
    )


def _axis(axis: Any, xs: Sequence[float]) -> None:
    """Sets ticks at the swept values; the axis is logarithmic if they span a factor of 30."""
    if xs and xs[0] > 0 and xs[-1] / xs[0] >= 30:
        axis.set_xscale('log')
        axis.minorticks_off()
    axis.set_xticks(xs, [f'{x:g}' for x in xs])


def _rows(axis: Any, sweep: Sweep, results: Results) -> None:
    """Draws one row per arm: every seed as a dot, mean and standard deviation beside it."""
    columns = varied(sweep.arms)
    for row, arm in enumerate(sweep.arms):
        values = values_of(sweep, results, arm)
        found = summary(values)
        if found is None:
            continue
        axis.plot(
            values, np.full(len(values), row + 0.18), 'o', color=GREY, markersize=3, alpha=0.6
        )
        axis.errorbar(
            found.mean, row, xerr=found.sd, fmt='o', color=COLOURS[0], markersize=6, capsize=3
        )
        if arm == sweep.baseline:
            axis.axvline(found.mean, color=GREY, linestyle='--', linewidth=1)
    names = [', '.join(map(str, only(arm, columns).values())) or 'all' for arm in sweep.arms]
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xlabel(quantity(sweep))


def baseline_name(arm: Arm, sweep: Sweep) -> str:
    """The label of the baseline in a legend."""
    return f'baseline: {label(only(arm, varied(sweep.arms)))}'


def quantity(sweep: Sweep) -> str:
    """The label of the metric's axis."""
    seeds = len({run.seed for run in sweep.runs})
    better = 'higher' if sweep.higher else 'lower'
    over = 'mean ± sd over seeds, ' if seeds > 1 else ''  # some may not be done yet
    return f'{sweep.metric} ({over}{better} is better)'
