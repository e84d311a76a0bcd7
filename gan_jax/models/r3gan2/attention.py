"""Attention over the places of a map, with rotary positions and a sink.

Positions are as in DINOv3 (Siméoni et al. 2025, arXiv 2508.10104): half of a head's pairs of
numbers turn with the row, half with the column (axial), by an angle proportional to it.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import Array

from gan_jax.models.layers import at_least_float32
from gan_jax.models.r3gan2.magnitude import MPDense, unit

SHARPNESS = 8.0  # the logit of equal directions
BASE = 100.0  # of the periods


class Attention(nn.Module):
    """x + α o(A v), and the variance of the sum; A is the softmax of the cosines of q and k.

    With q, k and v of mean square 1 in each head of d numbers, q and k turned by `rotate`, the
    logits are 8 q·k / d. Each head has one logit more, 8 times a learned number, whose share of the
    softmax goes nowhere. α = tanh(a) is a factor for each channel, 0 at first.

    Attributes:
        head_size: d, a multiple of 4 that divides the channels of x.
        dtype: of the maps; the logits and the softmax are float32 at least.
    """

    head_size: int
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, variance: Array) -> tuple[Array, Array]:
        """The map [N, H, W, C] and its variance [C], from x [N, H, W, C] and its variance [C]."""
        n, height, width, c = x.shape
        alpha = jnp.tanh(self.param('alpha', nn.initializers.zeros_init(), (c,), jnp.float32))
        qkv = MPDense(3 * c, bias=True, dtype=self.dtype, name='qkv')
        y = qkv(x, jax.lax.rsqrt(variance))
        y = unit(y.reshape(n, height * width, c // self.head_size, self.head_size, 3), (3,))
        sine, cosine = rotation(height, width, self.head_size)
        q, k = (rotate(y[..., i], sine, cosine) for i in (0, 1))
        logits = jnp.einsum('nqhd,nkhd->nhqk', q, k) * (SHARPNESS / self.head_size)
        zeros = nn.initializers.zeros_init()
        sinks = SHARPNESS * self.param('sinks', zeros, (c // self.head_size,), jnp.float32)
        sinks = jnp.broadcast_to(sinks[:, None, None], (*logits.shape[:3], 1))
        shares = nn.softmax(jnp.concatenate([logits, sinks.astype(logits.dtype)], axis=3))
        attended = jnp.einsum('nhqk,nkhd->nqhd', shares[..., :-1], y[..., 2])
        attended = attended.reshape(x.shape).astype(x.dtype)
        out = MPDense(c, dtype=self.dtype, name='out')(attended, out_gain=alpha)
        return x + out, variance + alpha**2


def rotation(height: int, width: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Sines and cosines of the angles of a head's numbers at each place, [height * width, size].

    The coordinate of row i is (2 i + 1) / height - 1, and of columns alike. Number j of the first
    quarter has the angle 2π row / 100^(4 j / size), number j of the second 2π column / 100^(4 j /
    size); the third and fourth quarters have the angles of the first and second.
    """
    rows, columns = ((2 * np.arange(n) + 1) / n - 1 for n in (height, width))
    grid = np.stack(np.meshgrid(rows, columns, indexing='ij'), axis=-1).reshape(-1, 2, 1)
    periods = BASE ** (4 * np.arange(size // 4) / size)
    angles = np.tile((2 * math.pi * grid / periods).reshape(len(grid), -1), 2)
    return np.sin(angles), np.cos(angles)


def rotate(x: Array, sine: np.ndarray, cosine: np.ndarray) -> Array:
    """x [N, places, heads, size] with numbers j and j + size / 2 turned by their angle."""
    first, second = jnp.split(at_least_float32(x), 2, axis=-1)
    turned = jnp.concatenate([-second, first], axis=-1)
    sine, cosine = (jnp.asarray(one, turned.dtype)[None, :, None] for one in (sine, cosine))
    return x * cosine + turned * sine
