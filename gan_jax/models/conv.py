"""Convolutions that keep off the slow paths of XLA's CPU backend, in every derivative.

A convolution is linear in its image and in its kernel, so three functions are closed under
differentiation: `convolve` (image, kernel -> map), its adjoint in the image, `spread`
(map, kernel -> image), which is the transposed convolution, and its adjoint in the kernel,
`correlate` (image, map -> kernel). The derivatives of each are the other two.

XLA's CPU backend runs a convolution whose kernel is larger than its input as a naive loop, ten to
a hundred times slower. Automatic differentiation walks into it: the kernel's gradient of a
transposed convolution, and of the gradient of a plain one (gradient penalties), becomes a
convolution with a whole dilated map as its kernel. `correlate` is always the gradient of the
forward convolution instead, whose kernel is a map no larger than the image. Where `convolve` and
`spread` have a kernel larger than the map, on the smallest maps, the CPU multiplies patches by the
kernel; accelerators keep XLA's convolution.

Padding is 'SAME'; results equal those of Flax's layers to rounding. Reverse mode to any order, jit
and vmap; no forward mode.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array, lax

Pair = tuple[int, int]
Two = tuple[Array, Array]


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
    return _off_the_loop(lambda form, x, w: form(x, w, strides), x, w)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def spread(g: Array, w: Array, strides: Pair, size: Pair) -> Array:
    """The adjoint of `convolve` in the image: g [N, h, w, O], w [a, b, C, O] -> [N, *size, C]."""
    image = jax.ShapeDtypeStruct((g.shape[0], *size, w.shape[2]), g.dtype)

    def adjoint(form: Callable, g: Array, w: Array) -> Array:
        return jax.linear_transpose(lambda x: form(x, w, strides), image)(g)[0]

    return _off_the_loop(adjoint, g, w)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def correlate(x: Array, g: Array, strides: Pair, size: Pair) -> Array:
    """The adjoint of `convolve` in the kernel: x [N, H, W, C], g [N, h, w, O] -> [*size, C, O]."""
    kernel = jax.ShapeDtypeStruct((*size, x.shape[3], g.shape[3]), g.dtype)
    return jax.linear_transpose(lambda w: _by_xla(x, w, strides), kernel)(g)[0]


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


def _off_the_loop(direction: Callable, a: Array, w: Array) -> Array:
    """`direction(form, a, w)`; on a CPU by patches where the kernel w is larger than the map a."""
    by_xla, by_matmul = partial(direction, _by_xla), partial(direction, _by_matmul)
    if w.shape[0] <= a.shape[1] and w.shape[1] <= a.shape[2]:
        return by_xla(a, w)
    return lax.platform_dependent(a, w, cpu=by_matmul, default=by_xla)


def _by_xla(x: Array, w: Array, strides: Pair) -> Array:
    return lax.conv_general_dilated(
        x, w, strides, 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
    )


def _by_matmul(x: Array, w: Array, strides: Pair) -> Array:
    (a, b, _, features), (down, right) = w.shape, strides
    x = jnp.pad(x, ((0, 0), *lax.padtype_to_pads(x.shape[1:3], (a, b), strides, 'SAME'), (0, 0)))
    height, width = x.shape[1] - a + 1, x.shape[2] - b + 1  # where a patch can begin
    starts = [(i, j) for i in range(a) for j in range(b)]
    patches = [x[:, i : i + height : down, j : j + width : right] for i, j in starts]
    # The batch keeps an axis of its own, so that a sharded one stays sharded: [N, h, w, a*b*C].
    return jnp.concatenate(patches, axis=-1) @ w.reshape(-1, features)


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
        x, w, b = nn.dtypes.promote_dtype(x, w, b, dtype=self.dtype)
        return self.operation(x, w, self.strides) + b.reshape(1, 1, 1, -1)


class ConvTranspose(Conv):
    """`flax.linen.ConvTranspose` with 'SAME' padding: [N, H, W, C] -> [N, H*s, W*s, features].

    Parameters, initial values and types as those of `Conv`.
    """

    operation = staticmethod(conv_transpose)
