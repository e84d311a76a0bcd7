"""Forms of convolutions that are fast on XLA's CPU backend; `conv` chooses them there.

3×3 kernels with many channels and without strides go by `winograd`. For all others

- `convolve` is XLA's convolution. If the kernel is larger than the map, which XLA runs as a naive
  loop, ten to a hundred times slower, it is patches times the kernel;
- `conv_input_grad` is a `convolve` without strides, whose channels are the pixels between two
  places of the map: XLA's own puts zeros there, and multiplies them;
- `conv_kernel_grad` is patches times the map, summed over portions of the batch whose patches fit
  in the cache. On the smallest maps, where the kernel is larger than all patches, it is XLA's
  convolution.

Each is jitted, so that layers of one size are traced once. Shapes are as in `conv`. A batch that is
spread over devices stays so, and `conv_kernel_grad` sums over the devices once.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from gan_jax.models import winograd

Pair = tuple[int, int]

# Measured on two cores: numbers in the patches of a portion, places of a map that needs no
# portions, and channels from which Winograd's form is faster.
PATCHES, SMALL, WIDE = 2**20, 16, 128


@partial(jax.jit, static_argnames='strides')
def convolve(x: Array, w: Array, *, strides: Pair) -> Array:
    """The 'SAME' convolution of x [N, H, W, C] with w [a, b, C, O]."""
    return _padded(x, w, strides, _padding(x.shape[1:3], w.shape[:2], strides))


@partial(jax.jit, static_argnames=('strides', 'size'))
def conv_input_grad(g: Array, w: Array, *, strides: Pair, size: Pair) -> Array:
    """The adjoint of `convolve` in the image of that size, for g [N, h, w, O].

    The padded image is divided into blocks of s by t pixels, the strides, and the kernel into r
    blocks of that size along each axis. Place p of the map adds to the blocks p to p + r - 1, which
    is one convolution without strides.
    """
    (a, b, c, o), (s, t) = w.shape, strides
    w = jnp.pad(w, ((0, -a % s), (0, -b % t), (0, 0), (0, 0)))
    rows, columns = w.shape[0] // s, w.shape[1] // t
    w = w.reshape(rows, s, columns, t, c, o)[::-1, :, ::-1].transpose(0, 2, 5, 1, 3, 4)
    w = w.reshape(rows, columns, o, s * t * c)

    edges = _padding(size, (a, b), strides)
    spans = zip(edges, size, g.shape[1:3], (rows, columns), strides, strict=True)
    # From the first to the last block that has a pixel of the image.
    padding = [
        (r - 1 - lo // step, (lo + pixels - 1) // step - places + 1)
        for (lo, _), pixels, places, r, step in spans
    ]
    blocks = _padded(g, w, (1, 1), padding)
    _, height, width, _ = blocks.shape
    image = blocks.reshape(-1, height, width, s, t, c).swapaxes(2, 3)
    image = image.reshape(-1, height * s, width * t, c)
    top, left = (lo % step for (lo, _), step in zip(edges, strides, strict=True))
    return image[:, top : top + size[0], left : left + size[1]]


@partial(jax.jit, static_argnames=('strides', 'size'))
def conv_kernel_grad(x: Array, g: Array, *, strides: Pair, size: Pair) -> Array:
    """The adjoint of `convolve` in the kernel of that size, for g [N, h, w, O]."""
    padding = _padding(x.shape[1:3], size, strides)
    if _by_winograd((*size, x.shape[3], g.shape[3]), strides, g.shape[1:3], g.dtype):
        x = jnp.pad(x, ((0, 0), *padding, (0, 0)))
        return winograd.conv_kernel_grad(x, g, _devices(g)).sum(0)
    return _by_portions(x, g, size=size, strides=strides, padding=padding)


def _padding(image: Sequence[int], size: Pair, strides: Pair) -> list[Pair]:
    """The padding 'SAME' before and after each axis of an image [H, W]."""
    return lax.padtype_to_pads(image, size, strides, 'SAME')


def _padded(x: Array, w: Array, strides: Pair, padding: Sequence[Pair]) -> Array:
    """The convolution of x with this padding."""
    size = [n + sum(pad) - 2 for n, pad in zip(x.shape[1:3], padding, strict=True)]
    if _by_winograd(w.shape, strides, size, x.dtype):
        return winograd.convolve(jnp.pad(x, ((0, 0), *padding, (0, 0))), w)
    if w.shape[0] <= x.shape[1] and w.shape[1] <= x.shape[2]:
        names = ('NHWC', 'HWIO', 'NHWC')
        return lax.conv_general_dilated(x, w, strides, padding, dimension_numbers=names)
    return _patches(x, w.shape[:2], strides, padding) @ w.reshape(-1, w.shape[3])


def _by_winograd(kernel: Sequence[int], strides: Pair, size: Sequence[int], dtype: Any) -> bool:
    """True if Winograd's form is faster for a kernel [a, b, C, O] and a map of this size.

    Never in bfloat16, which is too rough for it.
    """
    tiled = all(n % winograd.TILE == 0 and n > winograd.TILE for n in size)
    square = (*kernel[:2], *strides) == (3, 3, 1, 1)
    return square and tiled and min(kernel[2:]) >= WIDE and jnp.finfo(dtype).bits >= 32


def _patches(x: Array, size: Pair, strides: Pair, padding: Sequence[Pair]) -> Array:
    """The patch of x [N, H, W, C] under the kernel at each place of the map: [N, h, w, a*b*C]."""
    (a, b), (down, right) = size, strides
    x = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    height, width = x.shape[1] - a + 1, x.shape[2] - b + 1  # where a patch can begin
    starts = [(i, j) for i in range(a) for j in range(b)]
    patches = [x[:, i : i + height : down, j : j + width : right] for i, j in starts]
    # The batch keeps an axis of its own, so that a sharded one stays sharded.
    return jnp.concatenate(patches, axis=-1)


def _by_portions(
    x: Array, g: Array, *, size: Pair, strides: Pair, padding: Sequence[Pair]
) -> Array:
    """`conv_kernel_grad` by patches, with sums in float32 at least."""
    features, width = g.shape[3], size[0] * size[1] * x.shape[3]
    images = PATCHES // (g.shape[1] * g.shape[2] * width)
    xs, gs = (_portions(y, images) for y in (x, g))
    devices, count = xs.shape[:2]
    exact = np.promote_types(g.dtype, np.float32)

    def add(i: Array, total: Array) -> Array:
        x_i, g_i = (lax.dynamic_index_in_dim(y, i, 1, keepdims=False) for y in (xs, gs))
        patches = _patches(x_i.reshape(-1, *x.shape[1:]), size, strides, padding)
        # Flat, and the patches second: XLA would begin other products with a copy of them.
        patches, g_i = patches.reshape(devices, -1, width), g_i.reshape(devices, -1, features)
        axes = (((1,), (1,)), ((0,), (0,)))
        return total + lax.dot_general(g_i, patches, axes, preferred_element_type=exact)

    total = lax.fori_loop(0, count, add, jnp.zeros((devices, features, width), exact))
    # The only sum over devices.
    return total.sum(0).T.reshape(*size, x.shape[3], features).astype(g.dtype)


def _devices(x: Array) -> int:
    """The number of devices that may share a batch [N, ...] equally: all, or one."""
    return jax.device_count() if x.shape[0] % jax.device_count() == 0 else 1


def _portions(x: Array, images: int) -> Array:
    """[N, ...] as [devices, portions, n, ...] with n as small as possible, but at least `images`.

    All images of a device are one portion if they are fewer.

    A batch that is spread over the devices stays so.
    """
    devices = _devices(x)
    own = x.shape[0] // devices
    most = own // max(1, images)
    count = max((n for n in range(1, most + 1) if own % n == 0), default=1)
    return x.reshape(devices, count, own // count, *x.shape[1:])
