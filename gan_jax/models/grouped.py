"""Convolutions in groups of channels: each group of the result reads its own group of the image.

They and their adjoints are the functions of `conv` for one group after another, under `jax.vmap`,
which XLA sees as one grouped convolution; and in other forms where that is slow.

- On a CPU a loop. With 1536 channels in groups of 16, a batch of 8 and 16 pixels, on two cores, a
  convolution takes 27 ms in a loop and 104 ms in XLA's form, and with its gradients 80 ms and 29 s.
- On a TPU groups are bundled up to 128 channels, the rows of its memory, with zeros between their
  weights. For a batch of 16 in bfloat16 XLA plans 82 MB and 0.68 M cycles with the gradients, and
  228 MB and 3.8 M cycles without bundles, whose rows hold 16 numbers each.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import Array, lax

from gan_jax.models import conv
from gan_jax.models.layers import add_bias

Pair = tuple[int, int]


def convolve_groups(x: Array, w: Array) -> Array:
    """The 'SAME' convolution of x [N, H, W, C] with w [a, b, I, O] in C / I groups: [N, H, W, O].

    Channels O / groups * g and the following of the result read channels I * g ... I * g + I - 1.

    Raises:
        ValueError: I does not divide C, or the number of groups does not divide O.
    """
    channels, (*_, inside, features) = x.shape[3], w.shape
    if channels % inside or features % (channels // inside):
        raise ValueError(
            f'{channels} channels and {features} features do not divide into groups of {inside} '
            'channels'
        )
    return _by_platform(x, w)


def _by_groups(x: Array, w: Array) -> Array:
    (*places, channels), (*size, inside, features) = x.shape, w.shape
    groups = channels // inside
    x = x.reshape(*places, groups, inside)
    w = w.reshape(*size, inside, groups, features // groups)
    return _convolve(x, w, (1, 1)).reshape(*places, features)


def _by_bundles(x: Array, w: Array) -> Array:
    """`_by_groups` of fewer and larger groups, with zeros between the weights."""
    inside, features = w.shape[2:]
    groups = x.shape[3] // inside
    count = max(k for k in range(1, max(1, conv.LANES // inside) + 1) if groups % k == 0)
    group = np.arange(features) * groups // features  # of each channel of the result
    same = np.arange(count * inside)[:, None] // inside == group % count
    return _by_groups(x, jnp.where(same, jnp.tile(w, (1, 1, count, 1)), 0))


_by_platform = conv.by_platform(_by_groups, tpu=_by_bundles)


# Of images [N, H, W, groups, I], kernels [a, b, I, groups, O] and maps [N, h, w, groups, O].


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _convolve(x: Array, w: Array, strides: Pair) -> Array:
    return _of_groups(partial(conv.convolve, strides=strides), x, w)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _input_grad(g: Array, w: Array, strides: Pair, size: Pair) -> Array:
    return _of_groups(partial(conv.conv_input_grad, strides=strides, size=size), g, w)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _kernel_grad(x: Array, g: Array, strides: Pair, size: Pair) -> Array:
    return _of_groups(partial(conv.conv_kernel_grad, strides=strides, size=size), x, g)


conv.derive(_convolve, _input_grad, _kernel_grad)


def _of_groups(function: Callable[[Array, Array], Array], a: Array, b: Array) -> Array:
    """`function` of the parts of a group, for all; groups are axis 3 of both and of the result."""
    return lax.platform_dependent(
        a, b, cpu=partial(_in_turn, function), default=jax.vmap(function, 3, 3)
    )


def _in_turn(function: Callable[[Array, Array], Array], a: Array, b: Array) -> Array:
    """`_of_groups` in a loop, which is never differentiated."""
    parts = [jnp.moveaxis(array, 3, 0) for array in (a, b)]
    return jnp.moveaxis(lax.map(lambda of_group: function(*of_group), parts), 0, 3)


class GroupedConv(nn.Module):
    """`flax.linen.Conv` with groups, 'SAME' padding and no strides: [N, H, W, C] -> [.., features].

    Same parameters and initial values as Flax's.

    Attributes:
        features: channels of the result.
        kernel_size: of the kernel, (a, b).
        group_size: channels of the image in a group.
        kernel_init: of the kernel [a, b, group_size, features].
        dtype: of the result; None takes the type that image and parameters promote to.
    """

    features: int
    kernel_size: Pair
    group_size: int
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (*self.kernel_size, self.group_size, self.features)
        w = self.param('kernel', self.kernel_init, shape, jnp.float32)
        x, w = nn.dtypes.promote_dtype(x, w, dtype=self.dtype)
        bias = self.param('bias', nn.initializers.zeros_init(), (self.features,), jnp.float32)
        return add_bias(convolve_groups(x, w), bias)
