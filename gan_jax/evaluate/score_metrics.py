"""The metric of each kind of score, with its references at hand."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gan_jax.data import DataSet
from gan_jax.evaluate import dimension, frechet, kernel, prdc, rows
from gan_jax.evaluate.context import Context, Values, held_out_of
from gan_jax.evaluate.diversity import diversity, vendi_ratio
from gan_jax.evaluate.extractor import Extractor, Features
from gan_jax.evaluate.inception_score import inception_score
from gan_jax.evaluate.names import TRAINED, Score
from gan_jax.runtime.progress import ProgressFn

Metric = Callable[[Features, ProgressFn], Values]
OTHER = {'train': 'test', 'test': 'train'}
DISTANCES = ('fid', 'fd', 'kid', 'kd')
HALVES = 'two halves of the reference'


class FeatureSpace(NamedTuple):
    """An extractor, and its statistics of the real images, each computed at most once.

    Attributes:
        extractor: the network.
        split: 'train' or 'test' -> its images.
        features: of a split, [N, F].
        moments: of a split.
    """

    extractor: Extractor
    split: Callable[[str], DataSet]
    features: Callable[[str], np.ndarray]
    moments: Callable[[str], frechet.Moments]


def _frechet(score: Score, space: FeatureSpace, given: Context) -> Metric:
    if score.intra:
        return _by_class(score, space, given, _frechet_of)
    by = floor_by(score, space, given)
    # Before the moments, which are then made of these features.
    halves = rows.halves(space.features(score.split)) if by == HALVES else ()
    reference, floor = space.moments(score.split), {}
    if by:
        pair = [*map(frechet.moments, halves)] or (space.moments(OTHER[score.split]), reference)
        floor = {f'{score.name}_floor': frechet.distance(*pair)}

    def metric(fakes: Features, tick: ProgressFn) -> Values:
        return {score.name: frechet.distance(frechet.moments(fakes.features), reference), **floor}

    return metric


def floor_by(score: Score, space: FeatureSpace, given: Context) -> str:
    """The real images that a distance's floor is measured with; '' if it has none.

    It is the distance of the other real split from the reference. Kernel distances have one with
    `Context.floors`, and in features that mean something on these data alone. With `floors`, where
    there is no other split, it is the distance between two halves of the reference, unless these
    have fewer images than a Fréchet distance takes.
    """
    is_frechet = score.kind in ('fid', 'fd')
    if not (is_frechet or given.floors or score.extractor in TRAINED):
        return ''
    held_out = held_out_of(given)
    if held_out is not None and len(held_out.images) >= 2:
        return f'the split {OTHER[score.split]}'
    half = len(space.split(score.split).images) // 2
    if not given.floors or half < 2:
        return ''
    biased = is_frechet and not score.biased and half < space.features(score.split).shape[1]
    return '' if biased else HALVES


def _frechet_of(fake: np.ndarray, real: np.ndarray) -> float:
    return frechet.distance(frechet.moments(fake), frechet.moments(real))


def _kernel(score: Score, space: FeatureSpace, given: Context) -> Metric:
    if score.intra:
        return _by_class(score, space, given, kernel.kid)
    reference, floor = space.features(score.split), {}
    if by := floor_by(score, space, given):
        halves = rows.halves(reference) if by == HALVES else ()
        pair = halves or (space.features(OTHER[score.split]), reference)
        floor = {f'{score.name}_floor': kernel.kid(*pair)}
    return lambda fakes, tick: {score.name: kernel.kid(fakes.features, reference), **floor}


def _by_class(score: Score, space: FeatureSpace, given: Context, distance: Callable) -> Metric:
    """A distance for each class separately: a missing class hardly moves the score of all."""
    each = _each_class(score, space, given, lambda real, fake: distance(fake, real))

    def metric(fakes: Features, tick: ProgressFn) -> Values:
        found = each(fakes, tick)
        return {score.name: float(np.mean(found)), f'{score.name}_worst': max(found)}

    return metric


def _each_class(
    score: Score, space: FeatureSpace, given: Context, compare: Callable[[Any, Any], Any]
) -> Callable[[Features, ProgressFn], list[Any]]:
    """Features of fakes -> `compare(real, fake)` of the features of each class."""
    real = space.split(score.split)
    labels, classes = given.generated_labels(score.num), range(real.num_classes)
    reals = space.features(score.split)

    def of_each(fakes: Features, tick: ProgressFn) -> list[Any]:
        found = []
        for c in classes:
            found.append(compare(reals[real.labels == c], fakes.features[labels == c]))
            tick(c + 1, len(classes))
        return found

    return of_each


def _is(score: Score, space: FeatureSpace, given: Context) -> Metric:
    def metric(fakes: Features, tick: ProgressFn) -> Values:
        mean, deviation = inception_score(fakes.probs)
        return {score.name: mean, f'{score.name}_sd': deviation}

    return metric


def _pr(score: Score, space: FeatureSpace, given: Context) -> Metric:
    if score.intra:
        return _pr_by_class(score, space, given)
    reference = space.features(score.split)

    def metric(fakes: Features, tick: ProgressFn) -> Values:
        found = prdc.precision_recall(reference, fakes.features, progress=tick)
        return {score.name.replace('pr', name, 1): value for name, value in found.items()}

    return metric


def _pr_by_class(score: Score, space: FeatureSpace, given: Context) -> Metric:
    each = _each_class(score, space, given, prdc.precision_recall)

    def metric(fakes: Features, tick: ProgressFn) -> Values:
        found, values = each(fakes, tick), {}
        for part in ('precision', 'recall'):
            name, shares = score.name.replace('pr', part, 1), [one[part] for one in found]
            values |= {name: float(np.mean(shares)), f'{name}_worst': min(shares)}
        return values

    return metric


def _dc(score: Score, space: FeatureSpace, given: Context) -> Metric:
    reference = space.features(score.split)

    def metric(fakes: Features, tick: ProgressFn) -> Values:
        found = prdc.prdc(reference, fakes.features, progress=tick)
        return {score.name.replace('dc', name, 1): found[name] for name in ('density', 'coverage')}

    return metric


def _div(score: Score, space: FeatureSpace, given: Context) -> Metric:
    reference = space.features(score.split)

    def metric(fakes: Features, tick: ProgressFn) -> Values:
        return {
            score.name: diversity(fakes.features, reference),
            score.name.replace('div', 'vendi', 1): vendi_ratio(fakes.features, reference),
        }

    return metric


def _lid(score: Score, space: FeatureSpace, given: Context) -> Metric:
    reals = space.features(score.split)
    some = reals[rows.spaced(len(reals), score.num)]
    with given.progress(f'{score.name} of real images') as tick:
        real = dimension.intrinsic_dimension(some, progress=tick)

    def metric(fakes: Features, tick: ProgressFn) -> Values:
        found = dimension.intrinsic_dimension(fakes.features, progress=tick)
        return {score.name: found, f'{score.name}_real': real}

    return metric


KINDS = {
    **{'fid': _frechet, 'fd': _frechet, 'kid': _kernel, 'kd': _kernel},
    **{'is': _is, 'pr': _pr, 'dc': _dc, 'div': _div, 'lid': _lid},
}
