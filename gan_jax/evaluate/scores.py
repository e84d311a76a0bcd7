"""Scores of images in a network's features: FID, KID, IS, precision and recall, and others."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from gan_jax.data import DataSet, digest
from gan_jax.data.dataset import label_words
from gan_jax.evaluate import (
    digit_metrics,
    dimension,
    pretrained,
    references,
    trained_features,
)
from gan_jax.evaluate.context import (
    Check,
    Context,
    Evaluation,
    Values,
    refuse_few_reals,
)
from gan_jax.evaluate.extractor import (
    Extractor,
    Features,
    from_path,
    in_chunks,
    of_name,
)
from gan_jax.evaluate.names import FORM, LEAST, SCORES, TRAINED, Score, parse_score, refuse_few
from gan_jax.evaluate.score_metrics import DISTANCES, KINDS, FeatureSpace, Metric, floor_by
from gan_jax.extractors import digits
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.progress import Progress, no_progress

NAMES = SCORES  # examples
FRECHET = ('fid', 'fd')  # mostly bias with fewer images than features


def knows(name: str) -> bool:
    """True if the name is a score's, or lacks its number only."""
    return name in KINDS or FORM.fullmatch(name) is not None


def checks(asked: Sequence[str], given: Context) -> Iterator[Check]:
    """Checks the names, networks, splits, and the numbers of images in all and in each class."""
    wanted = []
    for name in asked:
        try:
            wanted.append(parse_score(name, given.split_unsaid))
        except UserError:
            yield functools.partial(parse_score, name, given.split_unsaid)
    for extractor in dict.fromkeys(score.extractor for score in wanted):
        yield functools.partial(_check_extractor, extractor, given)
    for score in wanted:
        yield functools.partial(_check, score, given)


def _check_extractor(name: str, given: Context) -> None:
    if name in pretrained.WIDTHS:
        pretrained.check(name, given.data_dir)
    elif name == 'digits':
        digit_metrics.refuse_no_digits(given.train.name)
    elif name in TRAINED:
        trained_features.check(name, given.split('train'))
    else:
        _of_path(name, given)


def _check(score: Score, given: Context) -> None:
    if score.intra and not given.conditional():
        raise UserError(
            f"'{score.name}' compares class by class, and the generator takes none: leave it out"
        )
    width = _width(score.extractor, given)  # which tries a function of a fork
    if score.kind in FRECHET and not score.intra:
        refuse_few(score, score.num, width)
    if score.split:
        real = given.split(score.split)
        least = score.num if score.kind == 'lid' else LEAST.get(score.kind, 2)
        refuse_few_reals(score.name, real, score.split, least)
        if score.intra:
            _check_classes(score, real, given, width)


def _check_classes(score: Score, real: DataSet, given: Context, width: int) -> None:
    if real.labels is None:
        raise UserError(
            f"'{score.name}' compares class by class, and '{real.name}' has {label_words(real)}: "
            'leave it out'
        )
    fewest, least = {}, LEAST.get(score.kind, 2)
    for what, labels in (('generated', given.generated_labels(score.num)), ('real', real.labels)):
        counts = np.bincount(labels, minlength=real.num_classes)
        fewest[what] = counts.min()
        if fewest[what] < least:
            raise UserError(
                f"'{score.name}' takes at least {least} images of each class, and of class "
                f'{counts.argmin()} there are {fewest[what]} {what} ones: take more'
            )
    if score.kind in FRECHET:
        refuse_few(score, min(fewest.values()), width)


def _width(extractor: str, given: Context) -> int:
    """The number of features of an image; a fork's function is called with two images for it."""
    if extractor in pretrained.WIDTHS:
        return pretrained.WIDTHS[extractor]
    if extractor == 'digits':
        return digits.WIDTH * given.train.images.shape[-1]
    if extractor in TRAINED:
        return trained_features.WIDTHS[-1]
    two = np.asarray(given.split('train').images[:2])
    return _of_path(extractor, given).extract(two).features.shape[1]


def prepare(asked: Sequence[str], given: Context) -> Evaluation:
    """The given scores, with their references computed or read from the cache.

    Images are extracted once, as many as the largest score needs; the others take the first of
    them. Each Fréchet distance has its floor, `<name>_floor`: the distance of the other real split,
    which a generator that has learned the data would reach. There is no floor if the data have no
    other split of at least two images; with `Context.floors` see `score_metrics.floor_by`.

    Args:
        asked: names that `names.parse_score` reads and `checks` lets through.
        given: the context in which they are measured.

    Raises:
        UserError: the weights are not available (69).
    """
    wanted = [parse_score(name, given.split_unsaid) for name in asked]
    variables_of = functools.cache(lambda name: pretrained.variables_of(name, given.data_dir))
    keys = dict.fromkeys(_extractor_key(score) for score in wanted)
    spaces = {key: _feature_space(_extractor(*key, variables_of, given), given) for key in keys}
    # First the scores that need all features: moments are then computed from the cached ones.
    ordered = sorted(wanted, key=lambda score: score.kind in FRECHET and not score.intra)
    metrics = {score: _metric(score, spaces[_extractor_key(score)], given) for score in ordered}

    def measure(images, state, hyper, progress: Progress = no_progress) -> Values:
        del state, hyper
        values = {}
        for key, space in spaces.items():
            group = [score for score in wanted if _extractor_key(score) == key]
            most = max(score.num for score in group)
            extracted = _extracted(space.extractor, images[:most], progress)
            for score in group:
                with progress(score.name) as tick, _measuring(score.name):
                    first = jax.tree.map(lambda x, n=score.num: x[:n], extracted)
                    values |= metrics[score](first, tick)
        return values

    protocol = {
        score.name: _described(score, spaces[_extractor_key(score)], given) for score in wanted
    }
    return Evaluation(max(score.num for score in wanted), measure, {'scores': protocol})


def _metric(score: Score, space: FeatureSpace, given: Context) -> Metric:
    with _measuring(score.name):
        return KINDS[score.kind](score, space, given)


@contextlib.contextmanager
def _measuring(name: str) -> Iterator[None]:
    """Makes a sentence with the metric's name of features that no number can be made of."""
    try:
        yield
    except ValueError as error:
        raise UserError(f"'{name}' cannot be measured: {error}; leave it out") from error


def _extractor_key(score: Score) -> tuple[str, str]:
    return score.extractor, score.interpolation


def _extractor(
    name: str, interpolation: str, variables_of: Callable[[str], Any], given: Context
) -> Extractor:
    if name in TRAINED:
        return trained_features.trained_extractor(
            name, given.train, given.data_dir, devices=given.devices, progress=given.progress
        )
    with _refusing(name):
        return of_name(
            name,
            variables_of,
            interpolation=interpolation,
            devices=given.devices,
            allow=given.allow,
        )


def _of_path(name: str, given: Context) -> Extractor:
    with _refusing(name):
        return from_path(name, given.allow)


@contextlib.contextmanager
def _refusing(name: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise UserError(f"no score is measured in the features of '{name}': {error}") from error


def _feature_space(extractor: Extractor, given: Context) -> FeatureSpace:
    def of(reference: Callable) -> Callable[[str], Any]:
        return functools.cache(
            lambda name: reference(given.split(name), extractor, given.data_dir, given.progress)
        )

    return FeatureSpace(extractor, given.split, of(references.features), of(references.moments))


def _extracted(extractor: Extractor, images: np.ndarray, progress: Progress) -> Features:
    with progress(f'{extractor.metadata["name"]}: {len(images):,} generated images') as tick:
        return jax.tree.map(lambda *x: np.concatenate(x), *in_chunks(extractor, images, tick))


def _described(score: Score, space: FeatureSpace, given: Context) -> dict[str, Any]:
    described = {'num': score.num, 'extractor': dict(space.extractor.metadata)}
    if score.kind == 'lid':
        described |= {'k': dimension.NEIGHBOURS, 'version': dimension.VERSION}
    if score.split:
        real = space.split(score.split)
        described['reference'] = f'{score.split}, {len(real.images)} images'
        described['reference_digest'] = digest(real)
    has_floors = given.floors or score.extractor in TRAINED
    if has_floors and score.kind in DISTANCES and not score.intra:
        described['floor'] = floor_by(score, space, given) or 'none'
    return described
