"""Metrics of generated digits, in the eyes of the classifier that comes with the package.

'fd_digits' is the Fréchet distance in its features, with 'fd_digits_floor', that of the real test
split, beside it. 'modes' counts the classes that the images fall into, with the smallest share that
a class has ('modes_min_share') and the Kullback-Leibler divergence of their distribution from the
data's ('modes_kl', in nats). 'diversity' is the mean distance between images over that between real
ones, with 'vendi', the same of Vendi scores, and 'collapsed', 1 where that gives alarm.
"""

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from gan_jax import data
from gan_jax.evaluate import features, frechet, names
from gan_jax.evaluate.context import Check, Context, Evaluation, Values
from gan_jax.evaluate.diversity import COLLAPSED, diversity, vendi_ratio
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.progress import Progress, no_progress

DIGITS = ('digits', 'stacked_digits')
WITH_DIGITS = (*DIGITS, 'mnist', 'emnist', 'svhn')  # of the data sets that have a name

Metric = Callable[[features.Features], Values]


def checks(asked: Sequence[str], given: Context) -> Iterator[Check]:
    """That the data are digits, and enough of them are generated for a Fréchet distance."""
    for name in asked:
        yield functools.partial(_refuse_others, name, given)
    if 'fd_digits' in asked:
        width = features.WIDTH * given.train.images.shape[-1]
        instead = f'take kd{given.num}_test@digits, which has none, or more images'
        yield functools.partial(names.refuse_bias, 'fd_digits', given.num, width, instead)


def _refuse_others(name: str, given: Context) -> None:
    if given.train.name not in DIGITS:
        raise UserError(
            f"the metric '{name}' reads digits and means nothing on '{given.train.name}': "
            'leave it out'
        )


def refuse_no_digits(name: str) -> None:
    """Refuses the classifier's features for a data set that is known to have no digits."""
    if name in data.names() and name not in WITH_DIGITS:
        raise UserError(
            f"scores of '@digits' are in the features of a classifier of digits, and '{name}' has "
            'none: leave them out'
        )


def prepare(asked: Sequence[str], given: Context) -> Evaluation:
    """These of NAMES."""
    train = functools.cache(lambda: features.digits(given.train.images).features)
    metrics = [METRICS[name](given, train) for name in asked]

    def measure(images, state, hyper, progress: Progress = no_progress) -> Values:
        del state, hyper, progress
        seen = features.digits(images[: given.num])
        return {name: value for metric in metrics for name, value in metric(seen).items()}

    protocol = {
        'extractor': 'gan_jax.evaluate.features.digits',
        'extractor_sha256': features.weights_sha256(),
    }
    return Evaluation(given.num, measure, protocol)


def _fd_digits(given: Context, train: Callable[[], np.ndarray]) -> Metric:
    reference = frechet.moments(train())
    real = frechet.moments(features.digits(given.held_out().images).features)
    floor = frechet.distance(real, reference)

    def metric(seen: features.Features) -> Values:
        distance = frechet.distance(frechet.moments(seen.features), reference)
        return {'fd_digits': distance, 'fd_digits_floor': floor}

    return metric


def _modes(given: Context, train: Callable[[], np.ndarray]) -> Metric:
    labels = given.train.labels
    expected = np.bincount(labels, minlength=given.train.num_classes) / len(labels)

    def metric(seen: features.Features) -> Values:
        share = np.bincount(seen.classes, minlength=len(expected)) / len(seen.classes)
        found = share > 0
        kl = np.sum(share[found] * np.log(share[found] / np.maximum(expected[found], 1e-12)))
        return {
            'modes': int(found.sum()),
            'modes_min_share': float(share.min()),
            'modes_kl': float(kl),
        }

    return metric


def _diversity(given: Context, train: Callable[[], np.ndarray]) -> Metric:
    real = train()

    def metric(seen: features.Features) -> Values:
        vendi = vendi_ratio(seen.features, real)
        return {
            'diversity': diversity(seen.features, real),
            'vendi': vendi,
            'collapsed': int(vendi < COLLAPSED),
        }

    return metric


METRICS = {'fd_digits': _fd_digits, 'modes': _modes, 'diversity': _diversity}
NAMES = tuple(METRICS)


def knows(name: str) -> bool:
    """Whether that is one of NAMES."""
    return name in NAMES
