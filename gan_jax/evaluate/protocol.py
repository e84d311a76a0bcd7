"""Metrics by name, with everything that a number depends on written beside it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from gan_jax import data
from gan_jax.errors import UserError
from gan_jax.evaluate import features, frechet
from gan_jax.load import nearest

DIGITS = ('digits', 'stacked_digits')


class Evaluation(NamedTuple):
    """A set of metrics, ready to be computed.

    Attributes:
        measure: uint8 [N, H, W, C] -> {metric: value}.
        protocol: what the values depend on, beside the images, as JSON.
    """

    measure: Callable[[np.ndarray], dict[str, float]]
    protocol: Mapping[str, Any]


def prepare(metrics: str, train: data.DataSet) -> Evaluation:
    """The named metrics against the train split of a data set.

    'fd_digits' is the Fréchet distance in the embedded classifier's features, with
    'fd_digits_floor', that of the real test split, beside it. 'modes' counts the classes that the
    images fall into, with the smallest share that a class has ('modes_min_share') and the
    Kullback-Leibler divergence of their distribution from the data's ('modes_kl', in nats).

    Args:
        metrics: names of METRICS, as in 'fd_digits,modes'; '' is a valid choice.
        train: the split, at the size of the images to be measured.

    Raises:
        UserError: an unknown metric, or one that does not fit the data.
    """
    names = [name for name in metrics.split(',') if name]
    for name in names:
        if name not in METRICS:
            raise UserError(f"there is no metric '{name}'{nearest(name, METRICS)}")
        if train.name not in DIGITS:
            raise UserError(
                f"the metric '{name}' reads digits and means nothing on '{train.name}': "
                'take it out of config.evaluate.metrics'
            )
    if not names:
        return Evaluation(lambda images: {}, {'metrics': []})
    prepared = [METRICS[name](train) for name in names]

    def measure(images: np.ndarray) -> dict[str, float]:
        seen = features.digits(images)
        return {k: v for metric in prepared for k, v in metric(seen).items()}

    return Evaluation(
        measure,
        {
            'metrics': names,
            'data': train.name,
            'size': train.images.shape[1],
            'reference': f'train, {len(train.images)} images',
            'reference_digest': data.digest(train),
            'extractor': 'gan_jax.evaluate.features.digits',
            'extractor_sha256': features.weights_sha256(),
        },
    )


def _fd_digits(train: data.DataSet) -> Callable[[features.Features], dict[str, float]]:
    reference = frechet.moments(features.digits(train.images).features)
    held_out = data.load(train.name, split='test', size=train.images.shape[1])
    floor = frechet.distance(frechet.moments(features.digits(held_out.images).features), reference)

    def metric(seen: features.Features) -> dict[str, float]:
        distance = frechet.distance(frechet.moments(seen.features), reference)
        return {'fd_digits': distance, 'fd_digits_floor': floor}

    return metric


def _modes(train: data.DataSet) -> Callable[[features.Features], dict[str, float]]:
    expected = np.bincount(train.labels, minlength=train.num_classes) / len(train.labels)

    def metric(seen: features.Features) -> dict[str, float]:
        share = np.bincount(seen.classes, minlength=len(expected)) / len(seen.classes)
        found = share > 0
        kl = np.sum(share[found] * np.log(share[found] / np.maximum(expected[found], 1e-12)))
        return {
            'modes': int(found.sum()),
            'modes_min_share': float(share.min()),
            'modes_kl': float(kl),
        }

    return metric


METRICS = {'fd_digits': _fd_digits, 'modes': _modes}
