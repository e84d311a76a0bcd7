"""Convolutions in groups of channels: each group of the result reads its own group of the image.

They are `conv.convolve` for one group after another, under `jax.vmap`, which XLA sees as one
grouped convolution. Its own form on a CPU is slow in narrow groups: with 64 channels in groups of
16, a train step of R3GAN on digits took 0.65 s so, and 0.40 s by a kernel with zeros between the
groups, on two busy cores. With 128 channels such a kernel was no faster. So a CPU bundles groups up
to 64 channels; the zeros count as work there.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import Array

from gan_jax.models.conv import by_platform, convolve
from gan_jax.models.layers import add_bias

Pair = tuple[int, int]

BUNDLE = 64  # channels


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


def _each(x: Array, w: Array) -> Array:
    """`convolve_groups` as it is written."""
    (*places, channels), (*size, inside, features) = x.shape, w.shape
    groups = channels // inside
    x = x.reshape(*places, groups, inside)
    w = w.reshape(*size, inside, groups, features // groups)
    y = jax.vmap(lambda x, w: convolve(x, w, (1, 1)), (3, 3), 3)(x, w)
    return y.reshape(*places, features)


def _in_bundles(x: Array, w: Array) -> Array:
    """`convolve_groups` in fewer and larger groups, with zeros between the weights."""
    inside, features = w.shape[2:]
    groups = x.shape[3] // inside
    count = max(k for k in range(1, max(1, BUNDLE // inside) + 1) if groups % k == 0)
    group = np.arange(features) * groups // features  # of each channel of the result
    same = np.arange(count * inside)[:, None] // inside == group % count
    return _each(x, jnp.where(same[None, None], jnp.tile(w, (1, 1, count, 1)), 0))


_by_platform = by_platform(_in_bundles, _each)


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
