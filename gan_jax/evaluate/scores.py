"""Scores of images in Inception's features, with what they depend on: FID, KID, IS and the rest."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gan_jax.data import DataSet, digest
from gan_jax.errors import UserError
from gan_jax.evaluate import frechet, kernel, prdc, references
from gan_jax.evaluate.contract import Context, Evaluation, Values
from gan_jax.evaluate.extractor import Extractor, Seen, from_inception
from gan_jax.evaluate.inception_score import inception_score
from gan_jax.evaluate.names import Score, read

Metric = Callable[[Seen], Values]
OTHER = {'train': 'test', 'test': 'train'}


def prepare(asked: Sequence[str], given: Context) -> Evaluation:
    """These scores, with their references made or found kept.

    Scores of several sizes take the first images of one pass over the most that any needs. Beside
    each FID stands its floor, `<name>_floor`: that of the other real split, which a generator that
    had learned the data would come to. There is none where the data have one split.

    Args:
        asked: names that `names.read` reads.
        given: what they are measured against.

    Raises:
        UserError: the weights are not to be had (69), or the data have no such split.
    """
    wanted = [read(name) for name in asked]
    kinds = dict.fromkeys(score.interpolation for score in wanted)
    extractors = {kind: from_inception(given.data_dir, interpolation=kind) for kind in kinds}
    metrics = {s: KINDS[s.kind](s, extractors[s.interpolation], given) for s in wanted}

    def measure(images: np.ndarray, variables: Mapping[str, Any]) -> Values:
        del variables
        values = {}
        for kind, extractor in extractors.items():
            mine = [score for score in wanted if score.interpolation == kind]
            seen = extractor.see(images[: max(score.num for score in mine)])
            for score in mine:
                values |= metrics[score](Seen(*(x[: score.num] for x in seen)))
        return values

    protocol = {s.name: _described(s, extractors[s.interpolation], given) for s in wanted}
    return Evaluation(max(score.num for score in wanted), measure, {'scores': protocol})


def _described(score: Score, extractor: Extractor, given: Context) -> dict[str, Any]:
    described = {'num': score.num, 'extractor': dict(extractor.facts)}
    if score.split:
        real = _real(score.split, given)
        described['reference'] = f'{score.split}, {len(real.images)} images'
        described['reference_digest'] = digest(real)
    return described


def _real(split: str, given: Context) -> DataSet:
    return given.train if split == 'train' else given.held_out()


def _fid(score: Score, extractor: Extractor, given: Context) -> Metric:
    reference = references.moments(_real(score.split, given), extractor, given.data_dir)
    floor = {}
    try:
        other = references.moments(_real(OTHER[score.split], given), extractor, given.data_dir)
        floor = {f'{score.name}_floor': frechet.distance(other, reference)}
    except UserError:
        pass  # the data have one split

    def metric(seen: Seen) -> Values:
        return {score.name: frechet.distance(frechet.moments(seen.features), reference), **floor}

    return metric


def _kid(score: Score, extractor: Extractor, given: Context) -> Metric:
    reference = references.features(_real(score.split, given), extractor, given.data_dir)
    return lambda seen: {score.name: kernel.kid(seen.features, reference)}


def _is(score: Score, extractor: Extractor, given: Context) -> Metric:
    def metric(seen: Seen) -> Values:
        mean, deviation = inception_score(seen.probs)
        return {score.name: mean, f'{score.name}_sd': deviation}

    return metric


def _pr(score: Score, extractor: Extractor, given: Context) -> Metric:
    reference = references.features(_real(score.split, given), extractor, given.data_dir)

    def metric(seen: Seen) -> Values:
        found = prdc.precision_recall(reference, seen.features)
        return {score.name.replace('pr', name, 1): value for name, value in found.items()}

    return metric


def _dc(score: Score, extractor: Extractor, given: Context) -> Metric:
    reference = references.features(_real(score.split, given), extractor, given.data_dir)

    def metric(seen: Seen) -> Values:
        found = prdc.prdc(reference, seen.features)
        return {score.name.replace('dc', name, 1): found[name] for name in ('density', 'coverage')}

    return metric


KINDS = {'fid': _fid, 'kid': _kid, 'is': _is, 'pr': _pr, 'dc': _dc}
