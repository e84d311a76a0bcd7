"""Metrics of a config's own, by the paths of their functions: `evaluate.NAME = dict(fn=...)`.

The values are 'NAME', or 'NAME/PART' for each part that the function returns.
"""

import functools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax.evaluate import pretrained, references
from gan_jax.evaluate.context import Check, Context, Evaluation, Values, refuse_few_reals
from gan_jax.evaluate.extractor import Extractor, in_chunks, of_name
from gan_jax.experiment.blocks import metric_blocks
from gan_jax.experiment.kinds import METRIC
from gan_jax.keys import named
from gan_jax.metric import Metric, Snapshot
from gan_jax.runtime import load
from gan_jax.runtime.errors import PartError, UserError, of_part, sentence
from gan_jax.runtime.progress import Progress, no_progress
from gan_jax.runtime.python_file import source_digest
from gan_jax.runtime.ranges import quoted
from gan_jax.sampling.limits import MOST_IMAGES
from gan_jax.state import TrainState


class Own(NamedTuple):
    """A metric of a config's own.

    Attributes:
        metric: as its function makes it.
        described: the function, its keywords and the SHA-256 of its file, as JSON.
    """

    metric: Metric
    described: Mapping[str, Any]


def build(settings: Mapping[str, Any], allow: Collection[str] | None = None) -> dict[str, Own]:
    """The metrics of the blocks of config.evaluate that name a function.

    Args:
        settings: nested, without `config.faults`.
        allow: as in `load.resolve`.

    Raises:
        UserError: a function refuses its keywords, fails, returns no `Metric`, or has no source.
    """
    blocks = {n: block for n, block in metric_blocks(settings).items() if 'fn' in block}
    try:
        return {name: _built(name, block, allow) for name, block in blocks.items()}
    except PartError as error:
        raise UserError(str(error)) from error


def _built(name: str, block: Mapping[str, Any], allow: Collection[str] | None) -> Own:
    with of_part(f'config.evaluate.{name}'):
        metric = load.build(block, METRIC, allow=allow)
        if metric.num is not None and not 0 <= metric.num <= MOST_IMAGES:
            raise ValueError(f'it asks for {metric.num} images: give 0 to {MOST_IMAGES:,}, or None')
        described = {key: value for key, value in block.items() if key != 'every'}
        return Own(metric, {**described, 'source_sha256': source_digest(block['fn'])})


def checks(asked: Sequence[str], given: Context) -> Iterator[Check]:
    """Checks that the splits are there that the metrics say they read."""
    for name in asked:
        for split in given.own[name].metric.splits:
            yield functools.partial(_check_split, name, split, given)


def _check_split(name: str, split: str, given: Context) -> None:
    refuse_few_reals(name, given.split(split), split, 1)


def prepare(asked: Sequence[str], given: Context) -> Evaluation:
    """The given metrics of `Context.own`, ready to be computed."""
    number = {name: _number_of_images(given.own[name].metric, given) for name in asked}
    features = _features(given)

    def measure(images, state, hyper, progress: Progress = no_progress) -> Values:
        del hyper
        values: Values = {}
        for name in asked:
            with progress(name):
                of = _snapshot(name, images[: number[name]], state, given, features)
                values |= _measured(name, given.own[name].metric, of)
        return values

    protocol = {name: {**given.own[name].described, 'num': number[name]} for name in asked}
    return Evaluation(max(number.values()), measure, {'own': protocol})


def _number_of_images(metric: Metric, given: Context) -> int:
    return given.num if metric.num is None else metric.num


def _snapshot(
    name: str, images: np.ndarray, state: TrainState, given: Context, features: Callable
) -> Snapshot:
    return Snapshot(
        state=state,
        images=images,
        labels=given.generated_labels(len(images)),
        real=given.split,
        features=functools.partial(features, images),
        key=named(jax.random.key(0), 'metric', name),
    )


def _measured(name: str, metric: Metric, of: Snapshot) -> Values:
    """The values of one metric, by their names in a row.

    Raises:
        UserError: the function raises, or returns no numbers.
    """
    try:
        found = metric.measure(of)
        parts = found if isinstance(found, Mapping) else {'': found}
        return {f'{name}/{part}' if part else name: _number(v) for part, v in parts.items()}
    except Exception as error:  # it is anybody's code
        raise UserError(f'config.evaluate.{name}: {sentence(error)}') from error


def _number(value: Any) -> float:
    found = np.asarray(value)
    if found.shape != () or found.dtype.kind not in 'biuf':
        what = f'an array {list(found.shape)}' if found.shape else quoted(value)
        raise ValueError(f'it returns {what}: return a number, or a dict of numbers')
    return float(found)


def _features(given: Context) -> Callable[..., np.ndarray]:
    """`Snapshot.features`, for images that are given first."""
    variables_of = functools.partial(pretrained.variables_of, data_dir=given.data_dir)

    @functools.cache
    def network(name: str) -> Extractor:
        return of_name(name, variables_of, devices=given.devices, allow=given.allow)

    @functools.cache
    def of_split(name: str, split: str) -> np.ndarray:
        return references.features(
            given.split(split), network(name), given.data_dir, given.progress
        )

    def of(images: np.ndarray, name: str, split: str = '') -> np.ndarray:
        if split:
            return of_split(name, split)
        if not len(images):
            raise ValueError('it takes features of no image: give Metric(..., num=...)')
        chunks = in_chunks(network(name), images, lambda done, count: None)
        return np.concatenate([chunk.features for chunk in chunks])

    return of
