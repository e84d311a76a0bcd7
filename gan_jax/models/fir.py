"""Maps twice and half as large, through the filter [1, 3, 3, 1] / 8 along each axis.

R3GAN (Huang et al. 2025, arXiv 2501.05441) resamples so, with the filter of StyleGAN2; `smooth` is
R3GAN2's where channels become places. Beyond the border there are zeros, and no weight is scaled up
for them: a map of ones becomes 0.5625 in a corner when it is doubled, and 0.765625 when it is
halved. Sums are float32 at least, and the result has the type of the map.
"""

import jax.numpy as jnp
from jax import Array

from gan_jax.models.layers import at_least_float32


def double(x: Array) -> Array:
    """[N, H, W, C] -> [N, 2H, 2W, C]: zeros between the places, then the filter times 4.

    Along an axis place i becomes (x[i-1] + 3 x[i]) / 4 and (3 x[i] + x[i+1]) / 4.
    """
    return _double(_double(at_least_float32(x), 1), 2).astype(x.dtype)


def halve(x: Array) -> Array:
    """[N, H, W, C] -> [N, H/2, W/2, C], H and W even: the filter at every second place.

    Along an axis y[i] = (x[2i-1] + 3 x[2i] + 3 x[2i+1] + x[2i+2]) / 8. A quarter of the adjoint of
    `double`.
    """
    return _halve(_halve(at_least_float32(x), 1), 2).astype(x.dtype)


def smooth(x: Array) -> Array:
    """[N, H, W, C] -> [N, H, W, C], through the filter [1, 2, 1] / 4 along each axis."""
    return _smooth(_smooth(at_least_float32(x), 1), 2).astype(x.dtype)


def _double(x: Array, axis: int) -> Array:
    length = x.shape[axis]
    around = _padded(x, axis)
    before, after = (_taken(around, axis, start, length) for start in (0, 2))
    pair = jnp.stack([before + 3 * x, 3 * x + after], axis=axis + 1) / 4
    return pair.reshape(*x.shape[:axis], 2 * length, *x.shape[axis + 1 :])


def _halve(x: Array, axis: int) -> Array:
    length = x.shape[axis] // 2
    pairs = _padded(x, axis).reshape(*x.shape[:axis], length + 1, 2, *x.shape[axis + 1 :])
    outer, inner = (_taken(pairs, axis + 1, k, 1).squeeze(axis + 1) for k in (0, 1))
    first = _taken(outer + 3 * inner, axis, 0, length)
    return (first + _taken(3 * outer + inner, axis, 1, length)) / 8


def _smooth(x: Array, axis: int) -> Array:
    around = _padded(x, axis)
    before, here, after = (_taken(around, axis, start, x.shape[axis]) for start in (0, 1, 2))
    return (before + 2 * here + after) / 4


def _padded(x: Array, axis: int) -> Array:
    """x with a zero before and after an axis."""
    return jnp.pad(x, [(1, 1) if i == axis else (0, 0) for i in range(x.ndim)])


def _taken(x: Array, axis: int, start: int, length: int) -> Array:
    return x[(slice(None),) * axis + (slice(start, start + length),)]
