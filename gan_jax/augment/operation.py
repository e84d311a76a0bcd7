"""The contract of an augmentation op, and the checks of its arguments."""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

# (key, images, strength: a number or []) -> images
Op = Callable[[jax.Array, jax.Array, Any], jax.Array]


class Range(NamedTuple):
    """The strengths that an op takes: [low, high], without `high` where it is not `closed`."""

    low: float
    high: float
    closed: bool = True

    def holds(self, strength: float) -> bool:
        """True if a number lies within; infinities and NaN never do."""
        below = strength <= self.high if self.closed else strength < self.high
        return math.isfinite(strength) and self.low <= strength and below

    def __str__(self):
        return f'[{self.low:g}, {self.high:g}{"]" if self.closed else ")"}'


CLOSED = Range(0.0, 1.0)
OPEN = Range(0.0, 1.0, closed=False)  # nothing would be left of the image at 1
FINITE = Range(-math.inf, math.inf, closed=False)


def op(strengths: Range | None, *, mixes: bool = False, codes: bool = False) -> Callable[[Op], Op]:
    """Make a function of (key, images, strength) an augmentation op.

    The function gets float images of at least 32 bits and a strength of the same dtype; its result
    is cast back. The op carries the attributes `strengths`, by which `policy` finds and checks it,
    `mixes` and `codes`.

    Args:
        strengths: the valid strengths, or None for an op without a strength. A strength is traced,
            so the op itself cannot check it: `policy.check` does, before anything is compiled.
        mixes: whether an image of the result depends on others of the batch.
        codes: whether it may also be applied to the codes of an autoencoder: it moves, covers or
            averages places, all channels alike, clips nothing and knows no colour.

    Raises (the op, when called or traced):
        TypeError: images are not of a float dtype.
        ValueError: images are not [B, H, W, C], or the strength is no scalar.
    """

    def decorate(function: Op) -> Op:
        @functools.wraps(function)
        def checked(key, images, strength):
            images = jnp.asarray(images)
            _check_images(function.__name__, images)
            dtype = np.promote_types(images.dtype, np.float32)
            if strengths is not None:
                _check_strength(function.__name__, strength)
                strength = jnp.asarray(strength, dtype)
            return function(key, images.astype(dtype), strength).astype(images.dtype)

        # A function has any attributes; its type has none of them.
        named = {'strengths': strengths, 'mixes': mixes, 'codes': codes}
        vars(checked).update(named)
        return checked

    return decorate


def _check_images(name: str, images: jax.Array) -> None:
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise TypeError(f'{name}: images must be floats in [0, 1], got {images.dtype}')
    if images.ndim != 4:
        raise ValueError(f'{name}: images must be [B, H, W, C], got shape {list(images.shape)}')


def _check_strength(name: str, strength: jax.Array) -> None:
    # A vector would broadcast and quietly mean one strength for each image.
    if strength is None or jnp.ndim(strength) != 0:
        got = None if strength is None else f'shape {list(jnp.shape(strength))}'
        raise ValueError(f'{name}: strength must be a scalar, got {got}')
