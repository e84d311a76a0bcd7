"""Metrics by name, with everything that a number depends on written beside it."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import numpy as np

from gan_jax import data
from gan_jax.errors import UserError
from gan_jax.evaluate import features, frechet, probes
from gan_jax.load import nearest

DIGITS = ('digits', 'stacked_digits')

Metric = Callable[[features.Features], dict[str, float]]


class Evaluation(NamedTuple):
    """A set of metrics, ready to be computed.

    Attributes:
        measure: (images uint8 [N, H, W, C], the discriminator's variables) -> {metric: value}.
        protocol: what the values depend on, beside the images, as JSON.
    """

    measure: Callable[[np.ndarray, Mapping[str, Any]], dict[str, float]]
    protocol: Mapping[str, Any]


def prepare(
    metrics: str, train: data.DataSet, held_out: Callable[[], data.DataSet], critic: nn.Module
) -> Evaluation:
    """The named metrics against the train split of a data set.

    'fd_digits' is the Fréchet distance in the embedded classifier's features, with
    'fd_digits_floor', that of the real test split, beside it. 'modes' counts the classes that the
    images fall into, with the smallest share that a class has ('modes_min_share') and the
    Kullback-Leibler divergence of their distribution from the data's ('modes_kl', in nats).
    'retrieval' and 'linear_probe' look at the discriminator instead, see `probes.probe`.

    Args:
        metrics: names of METRICS and PROBES, as in 'fd_digits,modes'; '' is a valid choice.
        train: the split, at the size of the images to be measured.
        held_out: () -> the test split at that size; called when a metric needs it.
        critic: the discriminator, whose 'features' the probes read.

    Raises:
        UserError: an unknown metric, or one that does not fit the data.
    """
    names = [name for name in metrics.split(',') if name]
    for name in names:
        _check(name, train)
    of_images = [METRICS[name](train, held_out) for name in names if name in METRICS]
    looked_at = [name for name in names if name in PROBES]
    features_of = probes.features_of(critic)

    def measure(images: np.ndarray, variables: Mapping[str, Any]) -> dict[str, float]:
        values = {}
        if of_images:
            seen = features.digits(images)
            values |= {k: v for metric in of_images for k, v in metric(seen).items()}
        if looked_at:
            probed = probes.probe(functools.partial(features_of, variables), train, held_out())
            values |= {name: probed[name] for name in looked_at}
        return values

    return Evaluation(measure, _protocol(names, train) if names else {'metrics': []})


def _check(name: str, train: data.DataSet) -> None:
    known = (*METRICS, *PROBES)
    if name not in known:
        raise UserError(f"there is no metric '{name}'{nearest(name, known)}")
    if name in METRICS and train.name not in DIGITS:
        raise UserError(
            f"the metric '{name}' reads digits and means nothing on '{train.name}': "
            'take it out of config.evaluate.metrics'
        )
    if name == 'linear_probe' and train.labels is None:
        raise UserError(
            f"the metric 'linear_probe' needs labels and '{train.name}' has none: "
            'take it out of config.evaluate.metrics'
        )


def _protocol(names: Sequence[str], train: data.DataSet) -> dict[str, Any]:
    described = {
        'metrics': list(names),
        'data': train.name,
        'size': train.images.shape[1],
        'reference': f'train, {len(train.images)} images',
        'reference_digest': data.digest(train),
    }
    if not METRICS.keys().isdisjoint(names):
        described['extractor'] = 'gan_jax.evaluate.features.digits'
        described['extractor_sha256'] = features.weights_sha256()
    if not {*PROBES}.isdisjoint(names):
        described['probes'] = f'features of D, test images under {probes.POLICY}'
    return described


def _fd_digits(train: data.DataSet, held_out: Callable[[], data.DataSet]) -> Metric:
    reference = frechet.moments(features.digits(train.images).features)
    real = frechet.moments(features.digits(held_out().images).features)
    floor = frechet.distance(real, reference)

    def metric(seen: features.Features) -> dict[str, float]:
        distance = frechet.distance(frechet.moments(seen.features), reference)
        return {'fd_digits': distance, 'fd_digits_floor': floor}

    return metric


def _modes(train: data.DataSet, held_out: Callable[[], data.DataSet]) -> Metric:
    del held_out
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
PROBES = ('retrieval', 'linear_probe')
