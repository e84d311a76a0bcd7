"""Layers with an equalised learning rate (Karras et al. 2017, arXiv 1710.10196, section 4.1).

A weight is stored as N(0, 1) and used over the root of its number of inputs, so that Adam's steps
are as large beside the weights in every layer.
"""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from gan_jax.models.conv import convolve
from gan_jax.models.layers import add_bias, cast

LEAK = 0.2
GAIN = math.sqrt(2)  # keeps the mean square of a normal variable but for the leak: times 1.04


def activate(x: Array, gain: float = 1.0) -> Array:
    """√2 gain times the leaky ReLU of slope 0.2."""
    return nn.leaky_relu(x, LEAK) * (GAIN * gain)


class EqualDense(nn.Module):
    """A dense layer at each place: [..., K] -> [..., features].

    Attributes:
        features: of the result.
        rate: multiplier of the learning rate: the weight is stored as N(0, 1) / rate; weight and
            bias are used times the rate.
        bias: the stored bias at first; None leaves it out.
        dtype: of the product; None is the type of x.
        gain: of the weight, beside the root of its number of inputs.
    """

    features: int
    rate: float = 1.0
    bias: float | None = 0.0
    dtype: Any = None
    gain: float = 1.0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        inputs = x.shape[-1]
        init = nn.initializers.normal(1 / self.rate)
        kernel = self.param('kernel', init, (inputs, self.features), jnp.float32)
        x = cast(x, self.dtype)
        y = x @ (kernel * (self.gain * self.rate / math.sqrt(inputs))).astype(x.dtype)
        if self.bias is None:
            return y
        start = nn.initializers.constant(self.bias)
        return add_bias(y, self.rate * self.param('bias', start, (self.features,), jnp.float32))


def _plain(x: Array, w: Array) -> Array:
    return convolve(x, w, (1, 1))


class EqualConv(nn.Module):
    """A 3×3 convolution: [N, H, W, C] -> [N, H, W, features], or other sides.

    Attributes:
        features: of the result.
        operation: (x, w [3, 3, C, features]) -> the map, such as `resampled.convolve_halve`.
        dtype: of the products; None is the type of x.
        gain: of the weight, beside the root of its number of inputs.
    """

    features: int
    operation: Callable[[Array, Array], Array] = _plain
    dtype: Any = None
    gain: float = 1.0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (3, 3, x.shape[-1], self.features)
        kernel = self.param('kernel', nn.initializers.normal(1.0), shape, jnp.float32)
        x = cast(x, self.dtype)
        scale = math.sqrt(9 * x.shape[-1]) / self.gain
        y = self.operation(x, (kernel / scale).astype(x.dtype))
        bias = self.param('bias', nn.initializers.zeros_init(), (self.features,), jnp.float32)
        return add_bias(y, bias)
