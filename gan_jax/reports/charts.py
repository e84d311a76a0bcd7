"""Charts of a page: Vega-Lite specifications, as plain dicts.

Names from a workdir stand in them as data and titles alone, never as a field or an expression.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gan_jax.reports.curves import LEVELS, POINTS, Curve, points
from gan_jax.reports.markup import number
from gan_jax.runtime.paths import shown

Spec = dict[str, Any]

HEIGHT = 210
DOTS = 60  # of a curve, for the pointer
OPEN = {'type': 'quantitative', 'scale': {'zero': False}}  # an axis that need not begin at 0


def lines(
    title: str,
    curves: Mapping[str, Curve],
    *,
    smoothing: int | None = None,
    most: int = POINTS,
) -> Spec:
    """A chart of curves over steps, a colour for each.

    Args:
        title: of the vertical axis.
        curves: by their labels; at least one.
        smoothing: the level of LEVELS that is drawn until the reader chooses another, over the
            values themselves in a paler line; None: the values alone.
        most: points of a curve.
    """
    levels = [f'v{i}' for i in range(1 if smoothing is None else len(LEVELS))]
    value = {'field': 'shown', 'title': shown(title)} | OPEN
    layers = [{'mark': {'type': 'line', 'aria': False}, 'encoding': {'y': value}}]
    if smoothing is not None:
        raw = {'field': 'v0', 'title': shown(title)} | OPEN
        mark = {'type': 'line', 'opacity': 0.3, 'strokeWidth': 1, 'aria': False}
        layers.insert(0, {'mark': mark, 'encoding': {'y': raw}})
    return {
        **frame(description(title, curves)),
        'params': [{'name': 'smoothing', 'value': smoothing or 0}],
        **_data(curves, levels, most),
        'encoding': {
            'x': {'field': 'step', 'type': 'quantitative', 'axis': {'tickCount': 5}},
            'color': colour([*map(shown, curves)]),
        },
        'layer': [*layers, _dots(curves, levels, min(most, DOTS))],
    }


def description(title: str, curves: Mapping[str, Curve]) -> str:
    """A chart in words, for readers who do not see it."""
    said = [
        f'{shown(label)}: {number(curve.values[0])} at step {curve.steps[0]}, '
        f'{number(curve.last)} at step {curve.steps[-1]}, lowest {number(min(curve.values))}, '
        f'highest {number(max(curve.values))}'
        for label, curve in curves.items()
    ]
    return f'{shown(title)} over steps. {"; ".join(said)}.'


def frame(said: str, height: int = HEIGHT) -> Spec:
    """The size of a chart and its description; as wide as its place on the page."""
    return {
        'description': said,
        'width': 'container',
        'height': height,
        'autosize': {'type': 'fit-x', 'contains': 'padding'},
    }


def colour(labels: Sequence[str], title: str | None = None) -> Spec:
    """A colour for each label, in their order, with a legend where there are several."""
    legend = {'orient': 'top', 'title': title, 'columns': 3, 'labelLimit': 170, 'symbolOpacity': 1}
    return {
        'field': 'label',
        'type': 'nominal',
        'sort': None,
        'legend': legend if len(labels) > 1 else None,
    }


def _data(curves: Mapping[str, Curve], levels: Sequence[str], most: int) -> Spec:
    """A row for each point: 'label', 'step', `levels`, and 'shown', the level that is chosen."""
    values = []
    for label, curve in curves.items():
        found = points(curve, most)
        values.append({'label': shown(label), **{key: found[key] for key in ('step', *levels)}})
    return {
        'data': {'values': values},
        'transform': [
            {'flatten': ['step', *levels]},
            {'calculate': f'[{", ".join(f"datum.{v}" for v in levels)}][smoothing]', 'as': 'shown'},
        ],
    }


def _dots(curves: Mapping[str, Curve], levels: Sequence[str], most: int) -> Spec:
    """Some points of each curve, with a tooltip at the one that is nearest to the pointer.

    They are seen where they are all the points that there are, or under the pointer.
    """
    near = {'type': 'point', 'on': 'pointermove', 'nearest': True, 'clear': 'pointerout'}
    few = max(len(curve.steps) for curve in curves.values()) <= most
    seen = {'condition': {'param': 'near', 'empty': False, 'value': 1}, 'value': 1 if few else 0}
    return {
        **_data(curves, levels, most),
        'params': [{'name': 'near', 'select': near}],
        'mark': {'type': 'point', 'filled': True, 'size': 36, 'aria': False},
        'encoding': {
            'y': {'field': 'shown'} | OPEN,
            'opacity': seen,
            'tooltip': [
                {'field': 'label', 'title': 'curve'},
                {'field': 'step', 'type': 'quantitative'},
                {'field': 'v0', 'type': 'quantitative', 'title': 'value', 'format': '.4g'},
                {'field': 'shown', 'type': 'quantitative', 'title': 'drawn', 'format': '.4g'},
            ],
        },
    }
