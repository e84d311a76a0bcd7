"""Metrics by name, and the protocol of everything that their values depend on."""

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from gan_jax import data
from gan_jax.data.resize import as_config
from gan_jax.evaluate import (
    classification,
    digit_metrics,
    discriminator,
    equivariance,
    own,
    perceptual_path,
    pixels,
    scores,
)
from gan_jax.evaluate.context import (
    Absent,
    Check,
    Context,
    Evaluation,
    Failed,
    Found,
    Values,
    held_out_of,
)
from gan_jax.evaluate.curve import Curves, Keep
from gan_jax.evaluate.leak import metric
from gan_jax.evaluate.names import FORM
from gan_jax.runtime import brackets
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.nearest import nearest
from gan_jax.runtime.progress import Progress, no_progress

# Each family is a module with NAMES, or examples of them; knows(name) -> bool;
# checks(names, context) -> Iterator[Check]; and prepare(names, context) -> Evaluation, for names
# that pass these checks. A new family is a file and an entry here.
FAMILIES = (
    *(digit_metrics, discriminator, scores, pixels, perceptual_path, equivariance),
    *(classification, metric),
)


def check_metrics(metrics: str, given: Context) -> bool:
    """Refuses metrics that could not be measured, in seconds: real images are counted, not read.

    Args:
        metrics: with commas between them, as in 'fd_digits,modes,fid10k_test'; '' is none.
        given: the context in which they are measured.

    Returns:
        True if all checks were made: of a data set that is only outlined, splits, labels and
        numbers of images are not known.

    Raises:
        UserError: everything that is wrong, a line each, with the status of the first: an unknown
            metric, one that does not fit the data, Inception's weights are not to be had (69).
    """
    wrong, complete = [], True
    for one in _checks(metrics, given):
        try:
            one()
        except Absent:
            complete = False
        except UserError as error:
            wrong.append(error)
    if wrong:
        raise UserError('\n'.join(dict.fromkeys(map(str, wrong))), wrong[0].status)
    return complete


def prepare_metrics(metrics: str, given: Context) -> Evaluation:
    """The named metrics of a run.

    Args:
        metrics: with commas between them, as in 'fd_digits,modes,fid10k_test'; '' is none.
        given: the context in which they are measured.

    Returns:
        An evaluation whose `measure` returns numbers alone and takes two arguments more. `failed`
        is called with metrics that raise an Exception; they are then NaN and do not end the others.
        `keep` is called with the curves that metrics measure.

    Raises:
        UserError: as `check_metrics`.
    """
    check_metrics(metrics, given)
    asked = _asked(metrics)
    shares = [(family, share) for family, share in _shares(asked, given) if share]
    parts = [(share, family.prepare(share, given)) for family, share in shares]

    def measure(
        images,
        state,
        hyper,
        progress: Progress = no_progress,
        failed: Failed | None = None,
        keep: Keep | None = None,
    ) -> Values:
        values = {}
        for names, part in parts:
            try:
                values |= _numbers(part.measure(images, state, hyper, progress), keep)
            except Exception as error:
                if failed is None:
                    raise
                failed(names, error)
                values |= dict.fromkeys(names, math.nan)
        return values

    protocol = {'metrics': asked}
    if asked:
        held_out = held_out_of(given)
        protocol |= {
            'data': given.train.name,
            'size': as_config(given.train.images.shape[1:3]),
            'reference': f'train, {len(given.train.images)} images',
            'reference_digest': data.digest(given.train),
            'train_subset': f'{len(given.train_subset.images)} images',
            'train_subset_digest': data.digest(given.train_subset),
            'held_out_digest': data.digest(held_out) if held_out else None,
        }
    for _, part in parts:
        protocol |= part.protocol
    return Evaluation(max((part.num for _, part in parts), default=0), measure, protocol)


def _numbers(found: Found, keep: Keep | None) -> Values:
    """The numbers of a family; its curves are given to `keep`."""
    for name, value in found.items():
        if keep is not None and isinstance(value, Curves):
            keep(name, value)
    return {name: value for name, value in found.items() if not isinstance(value, Curves)}


def _asked(metrics: str) -> list[str]:
    return [name for name in brackets.split(metrics, ',') if name]


def _shares(asked: Sequence[str], given: Context) -> list[tuple[Any, list[str]]]:
    """(family, its metrics among those asked for) for each family."""
    rest = [name for name in asked if name not in given.own]
    shares = [(family, [name for name in rest if family.knows(name)]) for family in FAMILIES]
    return [(own, [name for name in asked if name in given.own]), *shares]


def _checks(metrics: str, given: Context) -> Iterator[Check]:
    """First the checks of the names, then the families' checks for all names that are known."""
    asked = _asked(metrics)
    yield from (functools.partial(_refuse_taken, name) for name in given.own)
    yield from (functools.partial(_known, name, given) for name in asked)
    for family, share in _shares([name for name in asked if _is_known(name, given)], given):
        if share:
            yield from family.checks(share, given)


def _refuse_taken(name: str) -> None:
    """Refuses a metric of a config's own with the name of another, as its values would have."""
    if FORM.fullmatch(name) or any(one.knows(name) for one in FAMILIES if one is not scores):
        raise UserError(
            f"config.evaluate.{name} brings a metric of its own, and '{name}' is the name of one "
            'of this package: give the block another name'
        )


def _is_known(name: str, given: Context) -> bool:
    try:
        return _known(name, given)
    except UserError:
        return False


def _known(name: str, given: Context) -> bool:
    """True if a family knows the name.

    Raises:
        UserError: none does; it names the nearest known one.
    """
    if name not in given.own and not any(family.knows(name) for family in FAMILIES):
        known = [*given.own, *(one for family in FAMILIES for one in family.NAMES)]
        others = nearest(name, known) or f'; there are {", ".join(sorted(known))}'
        raise UserError(f"there is no metric '{name}'{others}")
    return True
