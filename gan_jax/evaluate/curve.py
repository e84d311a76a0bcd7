"""Curves along an axis as a table and a figure: metrics against truncation, power spectra."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

# Okabe and Ito's colours, which all kinds of colour vision tell apart, without yellow and black.
COLOURS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#56B4E9', '#E69F00')
STYLES = ('-', '--')  # in turn: a curve is seen through one that lies on it
ACROSS = 3  # panels side by side
MARKED = 20  # points of a curve, at most, that have a marker


class Curves(NamedTuple):
    """Numbers along one axis.

    Attributes:
        axis: its name, such as 'psi' or 'frequency'.
        at: places on it, ascending; at least one.
        values: name -> a number at each place; None is not finite. At least one name.
        quantity: what all curves measure, in which unit; '' if each measures something else.
    """

    axis: str
    at: Sequence[float]
    values: Mapping[str, Sequence[float | None]]
    quantity: str = ''


Keep = Callable[[str, Curves], object]  # (name, curves), called by what measures them


class Point(NamedTuple):
    """One evaluation: the truncation, and the metrics by name; None is not finite."""

    truncation: float
    metrics: Mapping[str, float | None]


def of_points(axis: str, points: Sequence[Point]) -> Curves:
    """The curve of each metric, along the truncation.

    Args:
        axis: 'psi' or 'truncation'.
        points: with the same metrics, in any order.
    """
    points = sorted(points, key=lambda one: one.truncation)
    values = {name: [one.metrics[name] for one in points] for name in points[0].metrics}
    return Curves(axis, [one.truncation for one in points], values)


def table(curves: Curves) -> str:
    """The curves as CSV, a row for each place; the first column is the axis."""
    file = io.StringIO()
    rows = csv.writer(file, lineterminator='\n')
    rows.writerow([curves.axis, *curves.values])
    rows.writerows(zip(curves.at, *curves.values.values(), strict=True))
    return file.getvalue()


def render(curves: Curves) -> bytes:
    """The figure as PNG: one panel for curves of one quantity, else a panel for each.

    Raises:
        ImportError: matplotlib is not installed.
    """
    import matplotlib.figure

    panels = _panels(curves)
    across = min(len(panels), ACROSS)
    down = -(-len(panels) // across)
    figure = matplotlib.figure.Figure((1 + 3.4 * across, 0.4 + 2.6 * down), layout='constrained')
    places = figure.subplots(down, across, squeeze=False).flatten()
    for place, (title, drawn) in zip(places, panels.items(), strict=False):
        for i, (name, values) in enumerate(drawn.items()):
            place.plot(
                curves.at,
                values,  # None is a gap
                label=_plain(name),
                color=COLOURS[i % len(COLOURS)],
                linestyle=STYLES[i % len(STYLES)],
                marker='o' if len(curves.at) <= MARKED else '',
            )
        if len(drawn) > 1:
            place.legend(frameon=False)
        place.set_title(_plain(title), fontsize='medium')
        place.spines[['top', 'right']].set_visible(False)
    for place in places[len(panels) :]:
        place.remove()
    figure.supxlabel(curves.axis, fontsize='medium')
    file = io.BytesIO()
    figure.savefig(file, dpi=160, format='png')
    return file.getvalue()


def _plain(name: str) -> str:
    """A name as matplotlib draws it: a part of a metric of one's own may be any text."""
    return name.replace('$', r'\$')  # not the beginning of mathematics


def _panels(curves: Curves) -> dict[str, Mapping[str, Sequence[float | None]]]:
    """Title -> the curves of that panel."""
    if curves.quantity:
        return {curves.quantity: curves.values}
    return {name: {name: values} for name, values in curves.values.items()}
