"""Perceptual path length (PPL): how fast images change along a path between two latents.

    ppl50k_wend   StyleGAN's `ppl2_wend`: from w towards another w, whole images; of a height of
                  512 or more, averaged down by the largest whole factor that leaves 256
    ppl50k_z      as in torch-fidelity, for any generator: from z towards another z, images rounded
                  to uint8 and brought to 64 pixels

"A Style-Based Generator Architecture for Generative Adversarial Networks" (Karras et al. 2018,
arXiv 1812.04948, section 4.1): the mean LPIPS of the pairs of `sampling.paths` over the square of
the step, without the lowest and the highest hundredth. The two are not comparable. Published images
are not cut off at the ends of their range, ours are.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.evaluate import interpolate, lpips
from gan_jax.evaluate.context import Check, Context, Evaluation, Values, refuse_other_statistics
from gan_jax.evaluate.names import PATHS, number_of
from gan_jax.evaluate.numbered import first_rows
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.progress import Progress, no_progress
from gan_jax.sampling.limits import MOST_IMAGES
from gan_jax.sampling.paths import STEP

FORM = re.compile(r'ppl(?:([1-9]\d*)(k?))?(?:_(wend|z))?')
NAMES = PATHS
LEAST = 100  # pairs: of fewer there is no hundredth to leave out
LARGEST = 256  # side that images of 'wend' are averaged down to, where it divides theirs
SIDE = 64  # of the images of 'z'
PAIRS = 25  # whose maps are held at once


class Length(NamedTuple):
    """A path length that is asked for: its name, the number of pairs, 'wend' or 'z'."""

    name: str
    num: int
    kind: str


def knows(name: str) -> bool:
    """True if the name is a path length's, or lacks a part only."""
    return FORM.fullmatch(name) is not None


def checks(asked: Sequence[str], given: Context) -> Iterator[Check]:
    """Checks the names, the generator, and that the weights are to be had."""
    yield from (functools.partial(_check, name, given) for name in asked)
    yield functools.partial(lpips.check, given.data_dir)


def _check(name: str, given: Context) -> None:
    one = _read(name)
    if one.kind == 'wend' and not given.pairs.has_w():
        raise UserError(
            f"'{name}' goes from w to w, and the generator has none: write {_other(one)}"
        )
    refuse_other_statistics(name, given)
    size = given.train.images.shape[1:3]
    if one.kind == 'wend' and min(size) < lpips.SMALLEST:
        raise UserError(
            f"'{name}' takes images of {lpips.SMALLEST} pixels a side at least, and the run's have "
            f'{size[0]} by {size[1]}: write {_other(one)}, which enlarges them'
        )


def _other(one: Length) -> str:
    return one.name.replace('wend', 'z')


def _read(name: str) -> Length:
    """The path length of a name that is known.

    Raises:
        UserError: the name lacks a part, or asks for too few or too many pairs.
    """
    number, thousands, kind = FORM.fullmatch(name).groups(default='')
    if not number or not kind:
        raise UserError(
            f"'{name}' has to say of how many pairs and along what: write {NAMES[0]}, between "
            f'two w, or {NAMES[1]}, between two latents'
        )
    num = number_of(number, thousands)
    if not LEAST <= num <= MOST_IMAGES:
        raise UserError(f"'{name}' is of {num:,} pairs: take {LEAST} to {MOST_IMAGES:,}")
    return Length(name, num, kind)


def prepare(asked: Sequence[str], given: Context) -> Evaluation:
    """The given metrics, ready to be computed.

    Raises:
        UserError: the weights are not available (69).
    """
    wanted = [_read(name) for name in asked]
    variables = jax.device_put(lpips.variables_of(given.data_dir), jax.local_devices()[0])

    def measure(images, state, hyper, progress: Progress = no_progress) -> Values:
        del images, hyper
        state = jax.device_put(state, jax.local_devices()[0])
        return {one.name: trimmed_mean(_lengths_of(one, state, progress)) for one in wanted}

    def _lengths_of(one: Length, state, progress: Progress) -> np.ndarray:
        paths = given.pairs.paths(one.kind[0])

        def of_block(block: int) -> np.ndarray:
            return lengths(variables, *paths(state, block), kind=one.kind)

        return first_rows(one.name, one.num, of_block, progress)

    size = given.train.images.shape[1:3]
    protocol = {one.name: _described(one, size) for one in wanted}
    return Evaluation(0, measure, {'path_lengths': protocol})


def _described(one: Length, size: Sequence[int]) -> dict[str, Any]:
    """The protocol of a path length, of images of that height and width."""
    return {
        'pairs': one.num,
        'space': one.kind[0],
        'step': STEP,
        'seed': 0,
        'vgg16_sha256': lpips.VGG16.sha256,
        'lpips_sha256': lpips.LINEAR.sha256,
        'images': 'float32' if one.kind == 'wend' else 'uint8',
        'sides': _averaged(*size)[1:] if one.kind == 'wend' else (SIDE, SIDE),
        'clipped': True,
        'version': 2,
    }


def lengths(variables: Mapping[str, Any], a: jax.Array, b: jax.Array, *, kind: str) -> np.ndarray:
    """LPIPS of pairs over the square of `STEP`, float32 [B].

    Args:
        variables: from `lpips.variables_of`.
        a: [B, H, W, 1 or 3] in [0, 1]; grey images become three equal channels.
        b: the same.
        kind: 'wend' or 'z'.
    """
    parts = [slice(i, i + PAIRS) for i in range(0, len(a), PAIRS)]
    return np.concatenate([_lengths(variables, a[part], b[part], kind=kind) for part in parts])


@functools.partial(jax.jit, static_argnames='kind')
def _lengths(variables: Mapping[str, Any], a: jax.Array, b: jax.Array, *, kind: str) -> jax.Array:
    a, b = (_shown(x, kind) for x in (a, b))
    return lpips.distance(variables, a, b) / STEP**2


def _shown(images: jax.Array, kind: str) -> jax.Array:
    """[B, h, w, 3] of values from 0 to 255, as a kind takes them."""
    _, height, width, _ = images.shape
    x = jnp.broadcast_to(images * 255, (*images.shape[:3], 3))
    if kind == 'wend':
        factor, high, wide = _averaged(height, width)
        x = x[:, : high * factor, : wide * factor]
        return x.reshape(len(x), high, factor, wide, factor, 3).mean((2, 4))
    how = 'area' if min(height, width) > SIDE else 'bilinear'
    rows, columns = (interpolate.matrix(how, n, SIDE) for n in (height, width))
    return jnp.einsum('ih,bhwc,jw->bijc', rows, jnp.round(x), columns, precision='highest')


def _averaged(height: int, width: int) -> tuple[int, int, int]:
    """The factor by which images of 'wend' are averaged down, and their height and width then."""
    factor = max(height // LARGEST, 1)
    return factor, height // factor, width // factor


def trimmed_mean(lengths: np.ndarray) -> float:
    """The mean of what lies between the lowest and the highest hundredth, both included."""
    low = np.percentile(lengths, 1, method='lower')
    high = np.percentile(lengths, 99, method='higher')
    return float(np.mean(lengths[(lengths >= low) & (lengths <= high)], dtype=np.float64))
