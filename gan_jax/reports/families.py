"""The charts of a report: which metrics are drawn together, under which heading."""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gan_jax.evaluate import discriminator, names, probes
from gan_jax.reports.curves import Curve

CHARTS = 60  # of a page, at most
CURVES = 300  # of all charts, at most
FLOOR = '_floor'  # ends the name of a metric's value on real images
PROBES = (
    *probes.NAMES,
    *discriminator.DIMENSIONS,
    'gsnr',
    'gsnr_share',
    'gsnr_pooled',
    'noise_scale',
)


class Chart(NamedTuple):
    """One chart.

    Attributes:
        title: of its vertical axis.
        curves: by label.
    """

    title: str
    curves: Mapping[str, Curve]


class Family(NamedTuple):
    """The charts under one heading.

    Attributes:
        anchor: by which links name it.
        title: of the heading.
        words: on what is seen.
        smoothing: the level of `curves.LEVELS` until the reader chooses another; None if the
            curves cannot be smoothed.
        charts: with at least one curve each.
    """

    anchor: str
    title: str
    words: str
    smoothing: int | None
    charts: Sequence[Chart]


NOISY = 2  # the level at which rows of training are first seen
MEASURED = 0  # that of metrics: the value of a step is read off the curve

# In the order of the page: anchor, title, words, level of smoothing.
KINDS = (
    (
        'losses',
        'Losses',
        'Means over each log window, without the weights of the terms. The players follow each '
        'other, so that a falling loss alone says little.',
        NOISY,
    ),
    (
        'norms',
        'Gradients and updates',
        'Global norms of the gradients, and of what the optimisers make of them.',
        NOISY,
    ),
    (
        'distances',
        'Distances',
        'Lower is better. A floor is the distance of real images.',
        MEASURED,
    ),
    (
        'probes',
        'What the discriminator has learned',
        'Probes of its features on images that it was not trained on.',
        MEASURED,
    ),
    (
        'overfitting',
        'Overfitting of the discriminator',
        'Its mean logits on training images, on held-out and on generated ones. “overfit” is 0 if '
        'it takes held-out images for training images, 1 if it takes them for generated ones.',
        None,
    ),
    (
        'sensitivity',
        'Sensitivity to augmentations',
        'The shift of its logit by each augmentation, in standard deviations of the logit.',
        None,
    ),
    (
        'leak',
        'Leak of augmentations',
        'The share of generated images that look augmented, see the leak meter.',
        None,
    ),
    ('metrics', 'Other metrics', '', None),
    ('numbers', 'Other numbers of training', '', NOISY),
    (
        'time',
        'Time',
        'The speed is without what precedes the first step, most of it compilation.',
        NOISY,
    ),
)


def kind_of(metric: str) -> str:
    """The anchor of the family of a metric, by its name in the log."""
    name = metric.removeprefix('eval/')
    if name == metric:
        return _kind_of_training(metric)
    if names.is_distance(name.removesuffix(FLOOR)):
        return 'distances'
    if name in PROBES:
        return 'probes'
    if name == 'overfit' or name.startswith('logit_'):
        return 'overfitting'
    for start in ('sensitivity', 'leak'):
        if name.startswith(start):
            return start
    return 'metrics'


def families(runs: Mapping[str, Mapping[str, Curve]]) -> tuple[list[Family], int]:
    """(the families of some runs' curves, the number of charts that are left out).

    Of one run, metrics that belong together share a chart; of several, each metric has a chart with
    a curve for every run.

    Args:
        runs: the curves of each run by metric, by the run's name.
    """
    charts: dict[str, list[Chart]] = {}
    made = _of_one(*runs.values()) if len(runs) == 1 else _of_several(runs)
    counts = itertools.accumulate(len(chart.curves) for _, chart in made)
    kept = [one for one, count in zip(made, counts, strict=True) if count <= CURVES][:CHARTS]
    for kind, chart in kept:
        charts.setdefault(kind, []).append(chart)
    found = [Family(*kind, charts[kind[0]]) for kind in KINDS if kind[0] in charts]
    return found, len(made) - len(kept)


def _kind_of_training(metric: str) -> str:
    if metric.startswith('time/'):
        return 'time'
    if metric.endswith(('grad_norm', 'update_norm')):
        return 'norms'
    return 'losses' if metric.startswith(('d/', 'g/')) else 'numbers'


def _of_one(curves: Mapping[str, Curve]) -> list[tuple[str, Chart]]:
    together: dict[tuple[str, str], dict[str, Curve]] = {}
    for metric, curve in curves.items():
        kind = kind_of(metric)
        title, label = _shared(metric, kind)
        together.setdefault((kind, title), {})[label] = curve
    return _ordered([(kind, Chart(title, found)) for (kind, title), found in together.items()])


def _of_several(runs: Mapping[str, Mapping[str, Curve]]) -> list[tuple[str, Chart]]:
    metrics = dict.fromkeys(metric for curves in runs.values() for metric in curves)
    charts = []
    for metric in metrics:
        curves = {name: found[metric] for name, found in runs.items() if metric in found}
        charts.append((kind_of(metric), Chart(metric.removeprefix('eval/'), curves)))
    return _ordered(charts)


def _ordered(charts: list[tuple[str, Chart]]) -> list[tuple[str, Chart]]:
    """In the order of KINDS, so that the last kinds are left out first."""
    order = [kind[0] for kind in KINDS]
    return sorted(charts, key=lambda one: order.index(one[0]))


def _shared(metric: str, kind: str) -> tuple[str, str]:
    """(title of the chart, label of the curve) of a metric in the report of one run."""
    name = metric.removeprefix('eval/')
    if kind == 'norms':
        player, _, norm = metric.partition('/')
        return norm.replace('_', ' '), player
    if kind == 'losses':
        term, _, part = metric.rpartition('/')
        return (term, part) if '/' in term else (metric, metric)
    if kind in ('sensitivity', 'overfitting'):
        fixed = {'sensitivity': 'shift of the logit', 'overfitting': 'mean logit'}[kind]
        return ('overfit', name) if name == 'overfit' else (fixed, name.partition('_')[2])
    return name.removesuffix(FLOOR), name
