"""Convolutions that keep off the slow paths of XLA's CPU backend, in every derivative.

A convolution is linear in its image and in its kernel, so three functions are closed under
differentiation: `convolve` (image, kernel -> map), its adjoint in the image, `spread`
(map, kernel -> image), which is the transposed convolution, and its adjoint in the kernel,
`correlate` (image, map -> kernel). The derivatives of each are the other two.

Accelerators run all three as XLA's convolutions. On a CPU

- `convolve` is XLA's convolution too, but where the kernel is larger than the map, which XLA runs
  as a naive loop, ten to a hundred times slower, it is patches times the kernel;
- `spread` is a `convolve` without strides, whose channels are the pixels that lie between two
  places of the map: XLA's own multiplies the zeros that it puts there;
- `correlate` is patches times the map, summed over portions of the batch whose patches fit in the
  cache; on the smallest maps, where the kernel is larger than all patches, XLA's convolution.

Padding is 'SAME'; results equal those of Flax's layers to rounding. Reverse mode to any order, jit
and vmap; no forward mode.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array, lax

from gan_jax.models.layers import biased, wide

Pair = tuple[int, int]
Two = tuple[Array, Array]

# Measured on two cores: numbers in the patches of a portion, and places of a map that needs none.
PATCHES, SMALL = 2**20, 16


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def convolve(x: Array, w: Array, strides: Pair) -> Array:
    """The 'SAME' convolution of x [N, H, W, C] with w [a, b, C, O]: [N, ceil(H/s), ceil(W/s), O].

    Raises:
        ValueError: x or w is not four-dimensional, or their channels differ.
    """
    if x.ndim != 4 or w.ndim != 4 or x.shape[3] != w.shape[2]:
        raise ValueError(
            'a convolution takes an image [N, H, W, C] and a kernel [a, b, C, O], '
            f'not {x.shape} and {w.shape}'
        )
    options = dict(strides=strides, padding=_padding(x.shape[1:3], w.shape[:2], strides))
    on_cpu, by_xla = (partial(form, **options) for form in (_on_cpu, _by_xla))
    return lax.platform_dependent(x, w, cpu=on_cpu, default=by_xla)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def spread(g: Array, w: Array, strides: Pair, size: Pair) -> Array:
    """The adjoint of `convolve` in the image: g [N, h, w, O], w [a, b, C, O] -> [N, *size, C]."""
    image = jax.ShapeDtypeStruct((g.shape[0], *size, w.shape[2]), g.dtype)

    def by_xla(g: Array, w: Array) -> Array:
        return jax.linear_transpose(lambda x: _by_xla(x, w, strides), image)(g)[0]

    by_subpixels = partial(_by_subpixels, strides=strides, size=size)
    return lax.platform_dependent(g, w, cpu=by_subpixels, default=by_xla)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def correlate(x: Array, g: Array, strides: Pair, size: Pair) -> Array:
    """The adjoint of `convolve` in the kernel: x [N, H, W, C], g [N, h, w, O] -> [*size, C, O]."""
    kernel = jax.ShapeDtypeStruct((*size, x.shape[3], g.shape[3]), g.dtype)

    def by_xla(x: Array, g: Array) -> Array:
        return jax.linear_transpose(lambda w: _by_xla(x, w, strides), kernel)(g)[0]

    if g.shape[1] * g.shape[2] <= SMALL:
        return by_xla(x, g)

    by_portions = partial(_by_portions, strides=strides, size=size)
    return lax.platform_dependent(x, g, cpu=by_portions, default=by_xla)


# <convolve(x, w), g> = <x, spread(g, w)> = <w, correlate(x, g)>: one form, linear in x, w and g.


def _convolve_back(strides: Pair, saved: Two, g: Array) -> Two:
    x, w = saved
    return spread(g, w, strides, x.shape[1:3]), correlate(x, g, strides, w.shape[:2])


def _spread_back(strides: Pair, size: Pair, saved: Two, x: Array) -> Two:
    g, w = saved
    return convolve(x, w, strides), correlate(x, g, strides, w.shape[:2])


def _correlate_back(strides: Pair, size: Pair, saved: Two, w: Array) -> Two:
    x, g = saved
    return spread(g, w, strides, x.shape[1:3]), convolve(x, w, strides)


convolve.defvjp(lambda x, w, *static: (convolve(x, w, *static), (x, w)), _convolve_back)
spread.defvjp(lambda g, w, *static: (spread(g, w, *static), (g, w)), _spread_back)
correlate.defvjp(lambda x, g, *static: (correlate(x, g, *static), (x, g)), _correlate_back)


def _padding(image: Sequence[int], size: Pair, strides: Pair) -> list[Pair]:
    """What 'SAME' adds before and after each axis of an image [H, W]."""
    return lax.padtype_to_pads(image, size, strides, 'SAME')


def _by_xla(x: Array, w: Array, strides: Pair, padding: Sequence[Pair] | str = 'SAME') -> Array:
    return lax.conv_general_dilated(
        x, w, strides, padding, dimension_numbers=('NHWC', 'HWIO', 'NHWC')
    )


def _on_cpu(x: Array, w: Array, *, strides: Pair, padding: Sequence[Pair]) -> Array:
    if w.shape[0] <= x.shape[1] and w.shape[1] <= x.shape[2]:
        return _by_xla(x, w, strides, padding)
    return _patches(x, w.shape[:2], strides, padding) @ w.reshape(-1, w.shape[3])


def _patches(x: Array, size: Pair, strides: Pair, padding: Sequence[Pair]) -> Array:
    """What each place of the map sees of x [N, H, W, C]: [N, h, w, a*b*C]."""
    (a, b), (down, right) = size, strides
    x = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    height, width = x.shape[1] - a + 1, x.shape[2] - b + 1  # where a patch can begin
    starts = [(i, j) for i in range(a) for j in range(b)]
    patches = [x[:, i : i + height : down, j : j + width : right] for i, j in starts]
    # The batch keeps an axis of its own, so that a sharded one stays sharded.
    return jnp.concatenate(patches, axis=-1)


def _by_subpixels(g: Array, w: Array, *, strides: Pair, size: Pair) -> Array:
    """`spread`. With the padded image in blocks of s by t pixels and the kernel in as large ones,
    place p moves the blocks p to p + r - 1, where r counts the kernel's: one convolution.
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
    blocks = _on_cpu(g, w, strides=(1, 1), padding=padding)
    _, height, width, _ = blocks.shape
    image = blocks.reshape(-1, height, width, s, t, c).swapaxes(2, 3)
    image = image.reshape(-1, height * s, width * t, c)
    top, left = (lo % step for (lo, _), step in zip(edges, strides, strict=True))
    return image[:, top : top + size[0], left : left + size[1]]


def _by_portions(x: Array, g: Array, *, strides: Pair, size: Pair) -> Array:
    """`correlate`, with sums in float32 at least."""
    features, width = g.shape[3], size[0] * size[1] * x.shape[3]
    images = PATCHES // (g.shape[1] * g.shape[2] * width)
    xs, gs = (_portions(y, images) for y in (x, g))
    devices, count = xs.shape[:2]
    options = dict(size=size, strides=strides, padding=_padding(x.shape[1:3], size, strides))
    exact = jnp.promote_types(g.dtype, jnp.float32)

    def add(i: Array, total: Array) -> Array:
        x_i, g_i = (lax.dynamic_index_in_dim(y, i, 1, keepdims=False) for y in (xs, gs))
        seen = _patches(x_i.reshape(-1, *x.shape[1:]), **options)
        # Flat, and the patches second: XLA would begin other products with a copy of them.
        seen, g_i = seen.reshape(devices, -1, width), g_i.reshape(devices, -1, features)
        axes = (((1,), (1,)), ((0,), (0,)))
        return total + lax.dot_general(g_i, seen, axes, preferred_element_type=exact)

    total = lax.fori_loop(0, count, add, jnp.zeros((devices, features, width), exact))
    # Here the devices' sums meet, once.
    return total.sum(0).T.reshape(*size, x.shape[3], features).astype(g.dtype)


def _portions(x: Array, images: int) -> Array:
    """[N, ...] as [devices, portions, n, ...] with about `images` images of a device in each.

    A batch that is spread over the devices stays so.
    """
    devices = jax.device_count() if x.shape[0] % jax.device_count() == 0 else 1
    own = x.shape[0] // devices
    most = own // max(1, images)
    count = max((n for n in range(1, most + 1) if own % n == 0), default=1)
    return x.reshape(devices, count, own // count, *x.shape[1:])


def conv_transpose(x: Array, w: Array, strides: Pair) -> Array:
    """`jax.lax.conv_transpose(x, w, strides, 'SAME')`: [N, H, W, C] -> [N, H*s, W*s, O].

    Args:
        x: [N, H, W, C].
        w: [a, b, C, O], laid out as for a plain convolution.
        strides: how often each axis of the image is magnified.
    """
    size = (x.shape[1] * strides[0], x.shape[2] * strides[1])
    # JAX slides the kernel as it is; an adjoint slides it flipped, from outputs to inputs.
    return spread(x, jnp.flip(w, (0, 1)).swapaxes(2, 3), strides, size)


def double_convolve(x: Array, w: Array) -> Array:
    """`convolve`, with w [3, 3, C, O], of x at twice the size by nearest values.

    Four pixels share each value of x, so that x itself and a 4×4 kernel of sums of weights do it:
    16 products for a value of x where the large map takes 36. [N, H, W, C] -> [N, 2H, 2W, O].
    """
    size = (2 * x.shape[1], 2 * x.shape[2])
    return spread(x, jnp.flip(_doubled(w), (0, 1)).swapaxes(2, 3), (2, 2), size)


def convolve_halve(x: Array, w: Array) -> Array:
    """The means over squares of 2×2 of `convolve` with w [3, 3, C, O], by a 4×4 kernel as well.

    [N, H, W, C] -> [N, H/2, W/2, O]; H and W are even.
    """
    return convolve(x, 0.25 * _doubled(w), (2, 2))


def _doubled(w: Array) -> Array:
    """A kernel convolved with a square of four ones: [3, 3, C, O] -> [4, 4, C, O].

    The sums are float32 at least, so that each is rounded once.
    """
    sums = jnp.pad(wide(w), ((1, 1), (1, 1), (0, 0), (0, 0)))
    sums = sums[1:] + sums[:-1]
    return (sums[:, 1:] + sums[:, :-1]).astype(w.dtype)


class Conv(nn.Module):
    """`flax.linen.Conv` with 'SAME' padding: [N, H, W, C] -> [N, ceil(H/s), ceil(W/s), features].

    Same parameters and initial values as Flax's. With `dtype` None the result has the type that
    the image and the parameters promote to.
    """

    features: int
    kernel_size: Pair
    strides: Pair = (1, 1)
    dtype: Any = None
    param_dtype: Any = jnp.float32
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    bias_init: nn.initializers.Initializer = nn.initializers.zeros_init()
    operation: ClassVar[Callable[[Array, Array, Pair], Array]] = staticmethod(convolve)

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (*self.kernel_size, x.shape[-1], self.features)
        w = self.param('kernel', self.kernel_init, shape, self.param_dtype)
        b = self.param('bias', self.bias_init, (self.features,), self.param_dtype)
        x, w = nn.dtypes.promote_dtype(x, w, dtype=self.dtype)
        return biased(self.operation(x, w, self.strides), b)


class ConvTranspose(Conv):
    """`flax.linen.ConvTranspose` with 'SAME' padding: [N, H, W, C] -> [N, H*s, W*s, features].

    Parameters, initial values and types as those of `Conv`.
    """

    operation = staticmethod(conv_transpose)


class UpConv(Conv):
    """A `Conv`, 3×3 without strides, of the map at twice its size by nearest values.

    [N, H, W, C] -> [N, 2H, 2W, features].
    """

    operation = staticmethod(lambda x, w, strides: double_convolve(x, w))


class DownConv(Conv):
    """The means over squares of 2×2 of a `Conv`, 3×3 without strides.

    [N, H, W, C] -> [N, H/2, W/2, features]; H and W are even.
    """

    operation = staticmethod(lambda x, w, strides: convolve_halve(x, w))
