"""Equivariance to translation (EQ-T): whether images move as their input does.

    eqt50k_int    EQ-T: shifts of whole pixels
    eqt50k_frac   EQ-T_frac: any shifts, images resampled by a Lanczos filter of three lobes

"Alias-Free Generative Adversarial Networks" (Karras et al. 2021, arXiv 2106.12423, equation 3 and
appendices E.1 and E.2): the peak signal-to-noise ratio, in decibel, of the images of a shifted
input beside the shifted images, over the pixels that these are known at. Squared differences and
pixels of all images are summed before they are divided. `sampling.shifts` makes the images.
More is better; it is infinite if all images are equal to the last bit, as of a generator whose
images are all one colour.
"""

import functools
import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.evaluate.context import Check, Context, Evaluation, Values, refuse_other_statistics
from gan_jax.evaluate.names import SHIFTS, number_of
from gan_jax.evaluate.numbered import first_rows
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.progress import Progress, no_progress
from gan_jax.sampling.limits import MOST_IMAGES
from gan_jax.sampling.shifts import FARTHEST

FORM = re.compile(r'eqt(?:([1-9]\d*)(k?))?(?:_(int|frac))?')
NAMES = SHIFTS
SPAN = 1.0  # of the values of an image; published images are from -1 to 1, and have 2
LOBES = 3  # of the Lanczos filter, on either side
LEAST = 8  # pixels of a side: of fewer no shift reaches a pixel


class Asked(NamedTuple):
    """An equivariance that is asked for: its name, the number of images, 'int' or 'frac'."""

    name: str
    num: int
    kind: str


def knows(name: str) -> bool:
    """True if the name is an equivariance's, or lacks a part only."""
    return FORM.fullmatch(name) is not None


def checks(asked: Sequence[str], given: Context) -> Iterator[Check]:
    """Checks the names, the generator, and the size of its images."""
    yield from (functools.partial(_check, name, given) for name in asked)


def _check(name: str, given: Context) -> None:
    _read(name)
    if not given.pairs.takes_shift():
        raise UserError(
            f"'{name}' shifts the generator's input, and config.generator has none to shift: take "
            "a generator whose method 'synthesize' takes a 'shift', such as StyleGAN3's, or leave "
            'the metric out'
        )
    refuse_other_statistics(name, given)
    size = given.train.images.shape[1:3]
    if min(size) < LEAST:
        raise UserError(
            f"'{name}' takes images of {LEAST} pixels a side at least, and the run's have "
            f'{size[0]} by {size[1]}: leave it out'
        )


def _read(name: str) -> Asked:
    """The equivariance of a name that is known.

    Raises:
        UserError: the name lacks a part, or asks for too many images.
    """
    number, thousands, kind = FORM.fullmatch(name).groups(default='')
    if not number or not kind:
        raise UserError(
            f"'{name}' has to say of how many images and which shifts: write {NAMES[0]}, shifts "
            f'of whole pixels, or {NAMES[1]}, any shifts'
        )
    num = number_of(number, thousands)
    if num > MOST_IMAGES:
        raise UserError(f"'{name}' is of {num:,} images: take at most {MOST_IMAGES:,}")
    return Asked(name, num, kind)


def prepare(asked: Sequence[str], given: Context) -> Evaluation:
    """The given metrics, ready to be computed."""
    wanted = [_read(name) for name in asked]

    def measure(images, state, hyper, progress: Progress = no_progress) -> Values:
        del images, hyper
        state = jax.device_put(state, jax.local_devices()[0])
        return {one.name: decibel(_errors_of(one, state, progress)) for one in wanted}

    def _errors_of(one: Asked, state, progress: Progress) -> np.ndarray:
        fractional = one.kind == 'frac'
        shifts = given.pairs.shifts(fractional)

        def of_block(block: int) -> np.ndarray:
            return np.asarray(errors(*shifts(state, block), fractional=fractional))

        return first_rows(one.name, one.num, of_block, progress)

    protocol = {
        one.name: {
            'images': one.num,
            'shifts': FARTHEST,
            'filter': f'lanczos{LOBES}' if one.kind == 'frac' else None,
            'span': SPAN,
            'seed': 0,
            'version': 1,
        }
        for one in wanted
    }
    return Evaluation(0, measure, {'equivariance': protocol})


def decibel(errors: np.ndarray) -> float:
    """The peak signal-to-noise ratio of `errors`, [N, 2], infinite if nothing differs."""
    wrong, compared = np.asarray(errors, np.float64).sum(axis=0)
    return 10 * math.log10(SPAN**2 * compared / wrong) if wrong else math.inf


@functools.partial(jax.jit, static_argnames='fractional')
def errors(
    images: jax.Array, moved: jax.Array, pixels: jax.Array, *, fractional: bool
) -> jax.Array:
    """The sum of squared differences of each pair, and the number of values compared, [B, 2].

    Args:
        images: float32 [B, H, W, C].
        moved: images of the shifted input, the same.
        pixels: shifts along a row and along a column, float32 [B, 2].
        fractional: whether shifts are not of whole pixels.
    """
    x, columns = shifted(images, pixels[:, 0], axis=2, fractional=fractional)
    x, rows = shifted(x, pixels[:, 1], axis=1, fractional=fractional)
    known = rows[:, :, None] & columns[:, None]  # [B, H, W]
    wrong = jnp.where(known[..., None], jnp.square(x - moved), 0).sum((1, 2, 3))
    compared = known.sum((1, 2), dtype=jnp.float32) * images.shape[3]
    return jnp.stack([wrong, compared], axis=1)


def shifted(
    x: jax.Array, pixels: jax.Array, *, axis: int, fractional: bool
) -> tuple[jax.Array, jax.Array]:
    """x [B, H, W, C] shifted along an axis, and the places where its shift is known, [B, length].

    A shift of t takes value i from x at i - t, which of a fraction is the sum of 2 `LOBES` values,
    weighted by the Lanczos filter over the sum of its weights. It is known where all of them are.

    Args:
        x: float32.
        pixels: t, [B].
        axis: 1 or 2.
        fractional: False takes whole t.
    """
    whole = jnp.floor(pixels)
    taps = np.arange(1 - LOBES, LOBES + 1) if fractional else np.zeros(1, int)
    weights = jnp.ones((len(x), 1))
    if fractional:
        weights = lanczos(taps[None].astype(np.float32) - (pixels - whole)[:, None])
    length = x.shape[axis]
    places = jnp.arange(length)[None] - whole.astype(jnp.int32)[:, None]
    sources = [places - int(tap) for tap in taps]
    known = functools.reduce(jnp.logical_and, ((i >= 0) & (i < length) for i in sources))
    of_all = (len(x), *(length if a == axis else 1 for a in (1, 2)), 1)
    parts = (
        jnp.take_along_axis(x, jnp.clip(i, 0, length - 1).reshape(of_all), axis)
        * weights[:, k, None, None, None]
        for k, i in enumerate(sources)
    )
    return functools.reduce(jnp.add, parts), known


def lanczos(x: jax.Array) -> jax.Array:
    """The filter's weights at x [B, K], over their sum along K."""
    found = jnp.where(jnp.abs(x) < LOBES, jnp.sinc(x) * jnp.sinc(x / LOBES), 0)
    return found / found.sum(1, keepdims=True)
