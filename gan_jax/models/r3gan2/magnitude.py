"""Layers that preserve magnitudes: inputs of mean square 1 give outputs of mean square 1.

As in Karras et al. 2023, arXiv 2312.02696, section 2.3: a kernel is stored as W, N(0, 1) at first,
and used as Ŵ over the root of the number n of inputs of an output,

    Ŵ = W / (1e-4 + |W| / √n)

with the norm |W| over the weights of each output. A centred kernel first loses the mean over these
weights, so that it does not see the mean of its inputs, which activations shift. A layer has no
bias vector: the bias is the weight of one more input, 1, and the strength of noise is the weight of
another one; both are normalised with the rest.

A kernel's name ends in 'centred/kernel' or in 'unit/kernel'. Outputs are on its last axis.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from gan_jax.models.grouped import convolve_groups
from gan_jax.models.layers import add_bias, at_least_float32, cast

CENTRED, UNIT = 'centred', 'unit'
EPSILON = 1e-4
SLOPE = 0.2
# One over the standard deviation of the leaky ReLU of N(0, 1), 1.54646: the mean is a matter of the
# centred kernels.
GAIN = 1 / math.sqrt(((1 + SLOPE**2) - (1 - SLOPE) ** 2 / math.pi) / 2)


def activate(x: Array) -> Array:
    """The leaky ReLU of slope 0.2, which gives N(0, 1) a variance of 1."""
    return nn.leaky_relu(x, SLOPE) * GAIN


def unit(x: Array, axes: Sequence[int]) -> Array:
    """x over 1e-4 plus its root mean square over some axes, float32 at least.

    The gradient at x = 0 is finite.
    """
    x = at_least_float32(x)
    square = jnp.mean(x**2, axes, keepdims=True)
    is_positive = square > 0  # the root has no derivative at 0
    root = jnp.where(is_positive, jnp.sqrt(jnp.where(is_positive, square, 1)), 0)
    return x / (EPSILON + root)


def normalised(kernel: Array, *, centred: bool) -> Array:
    """Ŵ of a stored kernel [..., O]: of each output mean square 1, and if `centred` mean 0."""
    axes = range(kernel.ndim - 1)
    kernel = at_least_float32(kernel)
    if centred:
        kernel = kernel - jnp.mean(kernel, axes, keepdims=True)
    return unit(kernel, axes)


def force_norms(params: Any) -> Any:
    """A tree of parameters with Ŵ in the place of every stored kernel of these layers."""

    def forced(path: tuple, leaf: Array) -> Array:
        *_, scope, name = ('', '', *(getattr(part, 'key', '') for part in path))
        if name != 'kernel' or scope not in (CENTRED, UNIT):
            return leaf
        return normalised(leaf, centred=scope == CENTRED).astype(leaf.dtype)

    return jax.tree_util.tree_map_with_path(forced, params)


class Kernel(nn.Module):
    """Ŵ of a kernel of its own.

    Attributes:
        shape: [..., O].
        init: of W.
    """

    shape: Sequence[int]
    init: nn.initializers.Initializer = nn.initializers.normal(1.0)

    @nn.compact
    def __call__(self) -> Array:
        stored = self.param('kernel', self.init, self.shape, jnp.float32)
        return normalised(stored, centred=self.name == CENTRED)


class MPDense(nn.Module):
    """A dense layer at each place: [..., K] -> [..., features].

    Attributes:
        features: of the result.
        centred: whether the kernel is.
        bias: whether there is one more input, 1; it has the kernel's last row.
        noise: whether there is one more input, N(0, 1) at each place of an image from the random
            stream 'noise'; it has the row before the bias.
        dtype: of the product; None is the type of x.
    """

    features: int
    centred: bool = True
    bias: bool = False
    noise: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, gain: Array | float = 1.0, out_gain: Array | float = 1.0) -> Array:
        """The product of x [..., K].

        Args:
            x: the inputs.
            gain: a factor of each input, [K], or of all; not of bias and noise.
            out_gain: a factor of each output, [features], or of all; not of bias and noise.
        """
        x, inputs = cast(x, self.dtype), x.shape[-1]
        rows = inputs + self.noise + self.bias
        kernel = Kernel((rows, self.features), name=CENTRED if self.centred else UNIT)
        w = kernel() / math.sqrt(rows)
        rows_gain = jnp.broadcast_to(gain, (inputs,))[:, None]
        columns_gain = jnp.broadcast_to(out_gain, (self.features,))[None]
        y = x @ (w[:inputs] * rows_gain * columns_gain).astype(x.dtype)
        if self.noise:
            noise = jax.random.normal(self.make_rng('noise'), (*x.shape[:-1], 1), w.dtype)
            y = y + (noise * jnp.broadcast_to(w[inputs], y.shape)).astype(y.dtype)
        return add_bias(y, w[-1]) if self.bias else y


class MPConv(nn.Module):
    """A centred 3×3 convolution in groups: [N, H, W, C] -> [N, H, W, C].

    Attributes:
        group_size: channels of a group.
    """

    group_size: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (3, 3, self.group_size, x.shape[-1])
        w = Kernel(shape, name=CENTRED)() / math.sqrt(9 * self.group_size)
        return convolve_groups(x, w.astype(x.dtype))


class ToMap(nn.Module):
    """Rows to maps, in groups: [N, F] -> [N, H, W, F].

    Each value of the map is a weighted sum of the row's values in its channel's group.

    Attributes:
        group_size: channels of a group.
        size: of the map, (H, W).
    """

    group_size: int
    size: tuple[int, int] = (4, 4)

    @nn.compact
    def __call__(self, x: Array) -> Array:
        w = _of_groups(Kernel((*self.size, self.group_size, x.shape[-1]), name=CENTRED)())
        x = x.reshape(len(x), -1, self.group_size) / math.sqrt(self.group_size)
        y = jnp.einsum('ngi,hwigf->nhwgf', x, w.astype(x.dtype))
        return y.reshape(len(x), *self.size, -1)


class FromMap(nn.Module):
    """Maps to rows, in groups: [N, H, W, F] -> [N, F].

    Each value of a row is a weighted sum over the places and the channels of its group.

    Attributes:
        group_size: channels of a group.
    """

    group_size: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        n, *size, channels = x.shape
        w = _of_groups(Kernel((*size, self.group_size, channels), name=CENTRED)())
        x = x.reshape(n, *size, -1, self.group_size) / math.sqrt(math.prod(size) * self.group_size)
        return jnp.einsum('nhwgi,hwigf->ngf', x, w.astype(x.dtype)).reshape(len(x), -1)


class MPEmbed(nn.Module):
    """A vector of mean 0 and mean square 1 for each class, all equal at first.

    Attributes:
        num_classes: the number of classes.
        features: of a vector.
    """

    num_classes: int
    features: int

    @nn.compact
    def __call__(self, label: Array) -> Array:
        """[N, features] of labels [N]; zeros for a label outside 0 ... num_classes - 1."""
        table = Kernel((self.features, self.num_classes), _one_column, name=CENTRED)()
        return jax.nn.one_hot(label, self.num_classes, dtype=table.dtype) @ table.T


def _one_column(key: Array, shape: Sequence[int], dtype: Any) -> Array:
    column = normalised(jax.random.normal(key, (shape[0], 1), dtype), centred=True)
    return jnp.broadcast_to(column, shape)


def _of_groups(kernel: Array) -> Array:
    """[H, W, I, F] -> [H, W, I, groups, F / groups]; the groups are F / I."""
    *size, inside, features = kernel.shape
    return kernel.reshape(*size, inside, features // inside, inside)
