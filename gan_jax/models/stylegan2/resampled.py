"""3×3 convolutions that double or halve a map, through the filter [1, 3, 3, 1] / 8 of `models.fir`.

The filter is after the transposed convolution and before the convolution with strides, as in the
published code; beyond the border there are zeros. Paddings are such that the map stays in place.
"""

import jax.numpy as jnp
from jax import Array, lax

from gan_jax.models.conv import conv_input_grad, convolve
from gan_jax.models.layers import at_least_float32


def double_convolve(x: Array, w: Array) -> Array:
    """The transposed convolution of stride 2, then 4 times the filter: [.., H, ..] -> [.., 2H, ..].

    x[i] adds x[i] w[k] to place 2i + k of a map of 2H + 1 rows. These are a quarter of the products
    of a convolution after `fir.double`.

    Args:
        x: [N, H, W, I].
        w: [3, 3, I, O].

    Returns:
        [N, 2H, 2W, O].
    """
    height, width = (2 * n + 1 for n in x.shape[1:3])
    # The adjoint of 'SAME' has no odd row at the end of a map; with one more row of zeros it has.
    x = jnp.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))
    y = conv_input_grad(x, w.swapaxes(2, 3), (2, 2), (height + 1, width + 1))
    return blur(y[:, :height, :width], 1, 1, gain=4)


def convolve_halve(x: Array, w: Array) -> Array:
    """The filter, then the convolution of stride 2: [N, H, W, I] -> [N, H/2, W/2, O].

    Args:
        x: [N, H, W, I]; H and W are even.
        w: [3, 3, I, O].
    """
    height, width = (n // 2 for n in x.shape[1:3])
    # H + 1 rows are read. To an even number of rows 'SAME' adds none in front.
    return convolve(blur(x, 2, 3), w, (2, 2))[:, :height, :width]


def blur(x: Array, before: int, after: int, *, gain: float = 1.0) -> Array:
    """The filter times a gain, of a map with zeros around: [N, H, W, C] -> [N, H + b + a - 3, ..].

    A sum of shifted maps is a convolution with a group for each channel, along either axis. XLA on
    a CPU runs such groups one by one. Sums are float32 at least.

    Args:
        x: [N, H, W, C].
        before: zeros before either axis.
        after: zeros after it.
        gain: of both axes together.
    """
    y = at_least_float32(x)
    for axis in (1, 2):
        around = [(before, after) if i == axis else (0, 0) for i in range(4)]
        y = jnp.pad(y, around)
        length = y.shape[axis] - 3
        a, b, c, d = (lax.slice_in_dim(y, i, i + length, axis=axis) for i in range(4))
        y = a + d + 3 * (b + c)
    return (y * (gain / 64)).astype(x.dtype)
