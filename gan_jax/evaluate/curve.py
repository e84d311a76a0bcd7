"""Metrics against truncation: a table and a figure of several evaluations of one checkpoint."""

import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

COLOUR = '#0072B2'
ACROSS = 3  # panels side by side


class Point(NamedTuple):
    """One evaluation: the truncation, and the metrics by name; None is not finite."""

    truncation: float
    metrics: Mapping[str, float | None]


def table(axis: str, points: Sequence[Point]) -> str:
    """The points as CSV, in the order of the truncation; the first column is `axis`.

    Args:
        axis: 'psi' or 'truncation'.
        points: with the same metrics.
    """
    lines = [','.join([axis, *points[0].metrics])]
    for value, metrics in sorted(points, key=lambda one: one.truncation):
        cells = ('' if x is None else repr(x) for x in metrics.values())
        lines.append(','.join([repr(value), *cells]))
    return '\n'.join(lines) + '\n'


def render(axis: str, points: Sequence[Point]) -> bytes:
    """The figure as PNG: a panel for each metric. Arguments as of `table`.

    Raises:
        ImportError: matplotlib is not installed.
    """
    import matplotlib.figure

    points, names = sorted(points, key=lambda one: one.truncation), [*points[0].metrics]
    across = min(len(names), ACROSS)
    down = -(-len(names) // across)
    figure = matplotlib.figure.Figure((1 + 3.4 * across, 0.4 + 2.6 * down), layout='constrained')
    panels = figure.subplots(down, across, squeeze=False).flatten()
    for panel, name in zip(panels, names, strict=False):
        shown = [(p.truncation, p.metrics[name]) for p in points if p.metrics[name] is not None]
        panel.plot(*zip(*shown, strict=True) if shown else ((), ()), marker='o', color=COLOUR)
        panel.set_title(name, fontsize='medium')
        panel.spines[['top', 'right']].set_visible(False)
    for panel in panels[len(names) :]:
        panel.remove()
    figure.supxlabel(axis, fontsize='medium')
    file = io.BytesIO()
    figure.savefig(file, dpi=160, format='png')
    return file.getvalue()
