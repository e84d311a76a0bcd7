"""Metrics of generated digits, by the classifier that comes with the package.

'fd_digits' is the Fréchet distance in its features, and 'fd_digits_floor' the same distance of the
real test split. 'modes' counts the classes of the images; 'modes_min_share' is the smallest share
of a class, 'modes_kl' the Kullback-Leibler divergence of the classes' distribution from the data's,
in nats. 'diversity' is the mean distance between images over the mean distance between real ones,
'vendi' the same ratio of Vendi scores, and 'collapsed' is 1 if that ratio is below `COLLAPSED`.
"""

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from gan_jax import data
from gan_jax.evaluate import features, frechet, names
from gan_jax.evaluate.context import Check, Context, Evaluation, Values
from gan_jax.evaluate.diversity import COLLAPSED, diversity, vendi_ratio
from gan_jax.extractors import digits
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.progress import Progress, no_progress

DIGITS = ('digits', 'stacked_digits')
WITH_DIGITS = (*DIGITS, 'mnist', 'emnist', 'svhn')  # of the data sets that are known by name

Metric = Callable[[features.Features], Values]


def checks(asked: Sequence[str], given: Context) -> Iterator[Check]:
    """Checks that the data are digits, and enough are generated for a Fréchet distance."""
    for name in asked:
        yield functools.partial(_refuse_others, name, given)
    if 'fd_digits' in asked:
        width = digits.WIDTH * given.train.images.shape[-1]
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
    """The given metrics of NAMES, ready to be computed."""
    train = functools.cache(lambda: features.digits(given.train.images).features)
    metrics = [METRICS[name](given, train) for name in asked]

    def measure(images, state, hyper, progress: Progress = no_progress) -> Values:
        del state, hyper, progress
        found = features.digits(images[: given.num])
        return {name: value for metric in metrics for name, value in metric(found).items()}

    protocol = {
        'extractor': 'gan_jax.evaluate.features.digits',
        'extractor_sha256': digits.weights_sha256(),
    }
    return Evaluation(given.num, measure, protocol)


def _fd_digits(given: Context, train: Callable[[], np.ndarray]) -> Metric:
    reference = frechet.moments(train())
    real = frechet.moments(features.digits(given.held_out().images).features)
    floor = frechet.distance(real, reference)

    def metric(found: features.Features) -> Values:
        distance = frechet.distance(frechet.moments(found.features), reference)
        return {'fd_digits': distance, 'fd_digits_floor': floor}

    return metric


def _modes(given: Context, train: Callable[[], np.ndarray]) -> Metric:
    labels = given.train.labels
    expected = np.bincount(labels, minlength=given.train.num_classes) / len(labels)

    def metric(found: features.Features) -> Values:
        share = np.bincount(found.classes, minlength=len(expected)) / len(found.classes)
        hit = share > 0
        kl = np.sum(share[hit] * np.log(share[hit] / np.maximum(expected[hit], 1e-12)))
        return {
            'modes': int(hit.sum()),
            'modes_min_share': float(share.min()),
            'modes_kl': float(kl),
        }

    return metric


def _diversity(given: Context, train: Callable[[], np.ndarray]) -> Metric:
    real = train()

    def metric(found: features.Features) -> Values:
        vendi = vendi_ratio(found.features, real)
        return {
            'diversity': diversity(found.features, real),
            'vendi': vendi,
            'collapsed': int(vendi < COLLAPSED),
        }

    return metric


METRICS = {'fd_digits': _fd_digits, 'modes': _modes, 'diversity': _diversity}
NAMES = names.DIGITS


def knows(name: str) -> bool:
    """True if the name is one of NAMES."""
    return name in NAMES
