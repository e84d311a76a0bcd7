"""Metrics of pixels, without a network: sliced Wasserstein distance and power spectra.

    swd8192_train       the mean of the levels' distances; swd8192_train_32, ..._16: of each level
    spectrum10k_test    the difference of the spectra along the radius, in decibel;
                        spectrum10k_test_1, _2, _4, ...: how much more the fakes have of each
                        octave, by its lowest frequency in cycles an image;
                        spectrum10k_test_profiles: both spectra, as curves

The first takes as many real images as generated ones, the second at most as many; they are evenly
spaced in the split.
"""

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from gan_jax.data import digest
from gan_jax.evaluate import rows, sliced_wasserstein, spectrum
from gan_jax.evaluate.context import (
    Check,
    Context,
    Evaluation,
    Found,
    Values,
    refuse_few_reals,
)
from gan_jax.evaluate.names import PIXELS, number_of
from gan_jax.evaluate.score_metrics import HALVES
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.progress import Progress, ProgressFn, no_progress
from gan_jax.sampling.limits import MOST_IMAGES

FORM = re.compile(r'(swd|spectrum)(?:([1-9]\d*)(k?))?(?:_(train|test))?')
NAMES = PIXELS  # examples

Measured = Callable[[np.ndarray, ProgressFn], Found]


class Compared(NamedTuple):
    """A metric that is asked for: its name, 'swd' or 'spectrum', generated images, a split."""

    name: str
    kind: str
    num: int
    split: str


def knows(name: str) -> bool:
    """True if the name is one of these metrics', or lacks a part only."""
    return FORM.fullmatch(name) is not None


def checks(asked: Sequence[str], given: Context) -> Iterator[Check]:
    """Checks that the names are complete, and the sizes and numbers of images."""
    return (functools.partial(_check, name, given) for name in asked)


def _check(name: str, given: Context) -> None:
    one = read(name, given.split_unsaid)
    size = given.train.images.shape[1:3]
    if min(size) < sliced_wasserstein.SIDE:
        raise UserError(
            f"'{name}' takes images of {sliced_wasserstein.SIDE} pixels a side at least, and "
            f"'{given.train.name}' has {size[0]} by {size[1]}: leave it out"
        )
    real = given.split(one.split)
    if one.kind == 'spectrum':
        return refuse_few_reals(name, real, one.split)
    if one.num > (most := sliced_wasserstein.MOST):
        raise UserError(
            f"'{name}' would hold more patches than fit in memory: take at most {most:,} images"
        )
    if len(real.images) < one.num:
        raise UserError(
            f"'{name}' takes as many real images as generated ones, and the {one.split} split of "
            f"'{real.name}' has {len(real.images)}: write "
            f'{name.replace(name.partition("_")[0], f"swd{len(real.images)}", 1)}'
        )


def read(name: str, split: str = '') -> Compared:
    """The metric of a name that is known.

    Args:
        name: of the metric.
        split: of the real images, if the name says none; '' refuses such a name.

    Raises:
        UserError: the name lacks a part, or asks for too few or too many images.
    """
    kind, number, thousands, said = FORM.fullmatch(name).groups(default='')
    example = {'swd': 'swd8192', 'spectrum': 'spectrum10k'}[kind] + '_test' * (not split)
    if not number:
        raise UserError(f"'{name}' does not say of how many images: write {example}")
    num = number_of(number, thousands)
    if not 2 <= num <= MOST_IMAGES:
        raise UserError(f"'{name}' is of {num:,} images: take 2 to {MOST_IMAGES:,}")
    if not (said or split):
        raise UserError(f"'{name}' does not say which real images: write {name}_test, or _train")
    return Compared(name, kind, num, said or split)


def prepare(asked: Sequence[str], given: Context) -> Evaluation:
    """The given metrics, ready to be computed."""
    wanted = [read(name, given.split_unsaid) for name in asked]
    metrics = {one.name: KINDS[one.kind](one, given) for one in wanted}
    floors = {one.name: FLOORS[one.kind](one, given) if given.floors else {} for one in wanted}

    def measure(images, state, hyper, progress: Progress = no_progress) -> Found:
        del state, hyper
        values = {}
        for one in wanted:
            with progress(one.name) as tick:
                values |= metrics[one.name](images[: one.num], tick) | floors[one.name]
        return values

    protocol = {one.name: _described(one, given) for one in wanted}
    return Evaluation(max(one.num for one in wanted), measure, {'pixels': protocol})


def _described(one: Compared, given: Context) -> dict[str, Any]:
    real = given.split(one.split)
    return {
        'num': one.num,
        'reference': f'{one.split}, {min(one.num, len(real.images))} of {len(real.images)} images',
        'reference_digest': digest(real),
        **SETTINGS[one.kind],
        **({'floor': HALVES} if given.floors else {}),
        'version': 1,
    }


def _some(one: Compared, given: Context) -> np.ndarray:
    """Real images, at most as many as are generated, in memory."""
    images = given.split(one.split).images
    return np.asarray(images[rows.spaced(len(images), one.num)])


def _swd(one: Compared, given: Context) -> Measured:
    def metric(images: np.ndarray, tick: ProgressFn) -> Values:
        found = sliced_wasserstein.distances(_some(one, given), images, progress=tick)
        by_level = {f'{one.name}_{side}': value for side, value in found.items()}
        return {one.name: float(np.mean([*found.values()])), **by_level}

    return metric


def _spectrum(one: Compared, given: Context) -> Measured:
    real = _some(one, given)
    scale = spectrum.scale_of(real)
    with given.progress(f'{one.name}: {len(real):,} real images') as tick:
        reference = spectrum.profile(real, scale, progress=tick)

    def metric(images: np.ndarray, tick: ProgressFn) -> Found:
        found = spectrum.profile(images, scale, progress=tick)
        by_octave = spectrum.octaves(found, reference)
        return {
            one.name: spectrum.difference(found, reference),
            **{f'{one.name}_{low}': value for low, value in by_octave.items()},
            f'{one.name}_profiles': spectrum.curves(found, reference),
        }

    return metric


def _swd_floor(one: Compared, given: Context) -> Values:
    """The distance between two halves of the real images, as many as that takes."""
    found = sliced_wasserstein.distances(*rows.halves(_some(one, given)))
    return {f'{one.name}_floor': float(np.mean([*found.values()]))}


def _spectrum_floor(one: Compared, given: Context) -> Values:
    real = _some(one, given)
    scale = spectrum.scale_of(real)
    profiles = (spectrum.profile(half, scale) for half in rows.halves(real))
    return {f'{one.name}_floor': spectrum.difference(*profiles)}


KINDS = {'swd': _swd, 'spectrum': _spectrum}
FLOORS = {'swd': _swd_floor, 'spectrum': _spectrum_floor}
SETTINGS = {
    'swd': {
        'patches': sliced_wasserstein.PATCHES,
        'directions': sliced_wasserstein.DIRECTIONS,
        'coarsest': sliced_wasserstein.COARSEST,
        'seed': 0,
    },
    'spectrum': {'window': f'kaiser({spectrum.BETA})', 'padding': spectrum.PADDING},
}
