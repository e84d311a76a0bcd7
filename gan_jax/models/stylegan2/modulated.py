"""Convolutions that a vector for each image modulates (section 2.2 of arXiv 1912.04958)."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array, lax

from gan_jax.models.conv import convolve
from gan_jax.models.layers import add_bias, at_least_float32, cast, times
from gan_jax.models.stylegan2.equalised import EqualDense, activate
from gan_jax.models.stylegan2.resampled import double_convolve

CLAMP = 256.0  # ADA's, of maps in half precision


def modulated(x: Array, w: Array, style: Array, *, up: bool = False) -> Array:
    """The convolution of image n with its own kernel, equations 1 and 3 of the paper.

        w'[n, a, b, i, o] = s[n, i] w[a, b, i, o]
        w''[n, a, b, i, o] = w'[n, a, b, i, o] / sqrt(sum over a, b, i of w'^2 + 1e-8)

    Args:
        x: [N, H, W, I].
        w: [3, 3, I, O].
        style: s, [N, I].
        up: whether the map is doubled, see `resampled.double_convolve`.

    Returns:
        [N, H, W, O], or [N, 2H, 2W, O].
    """
    # As scaled maps and not as N kernels of N groups: both take the same products, 9 H W I O an
    # image. N kernels are 9 I O numbers an image to write, to read and in the backward pass to sum
    # over, 9.4 MB at 512 channels; the scaled maps are H W (I + O) numbers in passes that a
    # compiler joins with the noise and the bias, 4.2 MB at 32×32, 0.3 MB at 8×8. And no compiler's
    # convolution of N groups is as fast as one of a batch of N: docs/compilers.md has both.
    y = scaled(x, style)
    y = double_convolve(y, w.astype(x.dtype)) if up else convolve(y, w.astype(x.dtype), (1, 1))
    power = style**2 @ (w**2).sum((0, 1)).astype(style.dtype)  # [N, O]
    return scaled(y, lax.rsqrt(power + 1e-8))


def scaled(x: Array, s: Array) -> Array:
    """x [N, H, W, C] times s [N, C] in the type of x; the gradient of s is summed in its own."""
    return times(x, s[:, None, None])


class StyledConv(nn.Module):
    """A modulated 3×3 convolution, noise, a bias and a leaky ReLU.

    The noise is one map an image, from the random stream 'noise', times a learned number.

    Attributes:
        features: channels of the result.
        up: whether the map is doubled.
        gain: factor of the result.
        clamp: whether the result is kept within ±256 gain.
        dtype: of the maps.
    """

    features: int
    up: bool = False
    gain: float = 1.0
    clamp: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        """[N, H, W, features] from x [N, H, W, C] and w [N, W]; twice the sides with `up`."""
        x = cast(x, self.dtype)
        style = EqualDense(x.shape[-1], bias=1.0, name='style')(w)
        shape = (3, 3, x.shape[-1], self.features)
        kernel = self.param('kernel', nn.initializers.normal(1.0), shape, jnp.float32)
        x = modulated(x, kernel, style, up=self.up)
        strength = self.param('strength', nn.initializers.zeros_init(), (), jnp.float32)
        noise = strength * jax.random.normal(self.make_rng('noise'), (*x.shape[:3], 1))
        x = x + jnp.broadcast_to(noise, x.shape).astype(x.dtype)
        bias = self.param('bias', nn.initializers.zeros_init(), (self.features,), jnp.float32)
        return clamped(activate(add_bias(x, bias), self.gain), self.gain, self.clamp)


class ToImage(nn.Module):
    """A modulated 1×1 convolution without demodulation: [N, H, W, C] -> [N, H, W, colours].

    Attributes:
        colours: channels of the image.
        clamp: whether the result is kept within ±256.
        dtype: of the product; the result is float32 at least.
    """

    colours: int
    clamp: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        """The image from x [N, H, W, C] and w [N, W]."""
        x, inputs = cast(x, self.dtype), x.shape[-1]
        style = EqualDense(inputs, bias=1.0, name='style')(w) / math.sqrt(inputs)
        init = nn.initializers.normal(1.0)
        kernel = self.param('kernel', init, (inputs, self.colours), jnp.float32)
        bias = self.param('bias', nn.initializers.zeros_init(), (self.colours,), jnp.float32)
        image = add_bias(scaled(x, style) @ kernel.astype(x.dtype), bias)
        return at_least_float32(clamped(image, 1.0, self.clamp))


def clamped(x: Array, gain: float, clamp: bool) -> Array:
    """x, within ±256 gain if `clamp`."""
    return jnp.clip(x, -CLAMP * gain, CLAMP * gain) if clamp else x
