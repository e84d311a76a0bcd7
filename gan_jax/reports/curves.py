"""Curves of a log: the values of one metric over steps, smoothed, and thinned for a page."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

METRICS = 300  # of a run, at most: a log from elsewhere may name any number
LEVELS = (0.0, 0.5, 0.8, 0.9, 0.97)  # weights of the smoothing that a reader can choose
POINTS = 400  # of a curve on a page, at most


class Curve(NamedTuple):
    """One metric of a run.

    Attributes:
        steps: ascending.
        values: finite, one for each step.
    """

    steps: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def last(self) -> float:
        """The value at the last step."""
        return self.values[-1]


def curves_of(rows: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Curve], int]:
    """(the curves of a log by metric, the number of metrics that are left out).

    Only finite numbers are values; texts and nulls of a row are not.

    Args:
        rows: as `log.read_rows` gives them, in any order.
    """
    found: dict[str, list[tuple[int, float]]] = {}
    for row in sorted(rows, key=lambda row: row['step']):
        for name, value in row.items():
            number = finite(value)
            if name != 'step' and number is not None:
                found.setdefault(name, []).append((row['step'], number))
    kept = [*found.items()][:METRICS]
    curves = {name: Curve(*map(tuple, zip(*pairs, strict=True))) for name, pairs in kept}
    return curves, len(found) - len(kept)


def finite(value: Any) -> float | None:
    """A JSON value as a finite float; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # JSON has integers of any size
        return None
    return number if math.isfinite(number) else None


def smoothed(values: Sequence[float], weight: float) -> list[float]:
    """The exponential average of the values so far, without the bias to 0 at its start.

    s_i = weight · s_(i-1) + (1 - weight) · x_i from s_(-1) = 0, divided by 1 - weight^(i+1): the
    correction of Adam (Kingma & Ba 2015, arXiv 1412.6980, algorithm 1).

    Args:
        values: x.
        weight: from 0, which changes nothing, to below 1.
    """
    average, left, found = 0.0, 1.0, []
    for value in values:
        average = weight * average + (1 - weight) * value
        left *= weight
        found.append(average / (1 - left))
    return found


def thinned(values: Sequence[float], most: int = POINTS) -> list[int]:
    """Indices of at most `most` of the values, ascending, with the extremes of every stretch.

    The first and the last index are among them. Between them the values are divided into stretches
    of equal length, and each keeps its lowest and its highest.

    Args:
        values: at least one.
        most: at least 4.
    """
    if len(values) <= most:
        return [*range(len(values))]
    count, last = (most - 2) // 2, len(values) - 1
    edges = [1 + i * (last - 1) // count for i in range(count + 1)]
    kept = {0, last}
    for first, end in itertools.pairwise(edges):
        stretch = range(first, end)
        kept |= {min(stretch, key=values.__getitem__), max(stretch, key=values.__getitem__)}
    return sorted(kept)


def points(curve: Curve, most: int = POINTS) -> dict[str, list[float]]:
    """The thinned points of a curve: 'step', and for each of LEVELS the smoothed values, 'v0' to.

    The average is over all values, before they are thinned. 'v0' has the numbers of the log.
    """
    kept = thinned(curve.values, most)
    found: dict[str, list[float]] = {'step': [curve.steps[i] for i in kept]}
    for level, weight in enumerate(LEVELS):
        values = smoothed(curve.values, weight) if weight else curve.values
        found[f'v{level}'] = [
            short(values[i]) if weight else values[i] for i in kept
        ]  # exact numbers cost three times the bytes
    return found


def short(value: float) -> float:
    """The number to five significant digits."""
    return float(f'{value:.5g}')
