"""Convolutions that keep off the slow paths of XLA's CPU backend, in every derivative.

A convolution is linear in its image and in its kernel, so three functions are closed under
differentiation: `convolve` (image, kernel -> map); its adjoint in the image, `conv_input_grad`
(map, kernel -> image), which is the transposed convolution; and its adjoint in the kernel,
`conv_kernel_grad` (image, map -> kernel). The derivatives of each are the other two.

Accelerators run all three as XLA's convolutions, a CPU in the forms of `conv_cpu`.

Padding is 'SAME'; results equal the results of Flax's layers to rounding. Reverse mode to any
order, jit and vmap; no forward mode.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array, lax
from jax.experimental.layout import Layout, with_layout_constraint

from gan_jax.models import conv_cpu
from gan_jax.models.layers import (
    Dense,
    add_bias,
    at_least_float32,
    average_pool,
    upsample_nearest,
)

LANES = 128  # of a TPU: numbers in a row of its memory

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
    on_cpu, by_xla = (partial(form, strides=strides) for form in (conv_cpu.convolve, _by_xla))
    return lax.platform_dependent(x, w, cpu=on_cpu, default=by_xla)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def conv_input_grad(g: Array, w: Array, strides: Pair, size: Pair) -> Array:
    """The adjoint of `convolve` in the image: g [N, h, w, O], w [a, b, C, O] -> [N, *size, C]."""
    image = jax.ShapeDtypeStruct((g.shape[0], *size, w.shape[2]), g.dtype)

    def by_xla(g: Array, w: Array) -> Array:
        return jax.linear_transpose(lambda x: _by_xla(x, w, strides), image)(g)[0]

    on_cpu = partial(conv_cpu.conv_input_grad, strides=strides, size=size)
    return lax.platform_dependent(g, w, cpu=on_cpu, default=by_xla)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def conv_kernel_grad(x: Array, g: Array, strides: Pair, size: Pair) -> Array:
    """The adjoint of `convolve` in the kernel: x [N, H, W, C], g [N, h, w, O] -> [*size, C, O]."""
    kernel = jax.ShapeDtypeStruct((*size, x.shape[3], g.shape[3]), g.dtype)

    def by_xla(x: Array, g: Array) -> Array:
        return jax.linear_transpose(lambda w: _by_xla(x, w, strides), kernel)(g)[0]

    if g.shape[1] * g.shape[2] <= conv_cpu.SMALL:
        return by_xla(x, g)
    on_cpu = partial(conv_cpu.conv_kernel_grad, strides=strides, size=size)
    return lax.platform_dependent(x, g, cpu=on_cpu, default=by_xla)


def derive(
    convolve: jax.custom_vjp, input_grad: jax.custom_vjp, kernel_grad: jax.custom_vjp
) -> None:
    """Gives each of three functions its derivatives, which are the other two.

    <convolve(x, w), g> = <x, input_grad(g, w)> = <w, kernel_grad(x, g)> is one form, linear in x, w
    and g.

    Args:
        convolve: of (x, w, strides); axes 1 and 2 of x and axes 0 and 1 of w are an image's.
        input_grad: of (g, w, strides, size).
        kernel_grad: of (x, g, strides, size).
    """

    def convolve_back(strides: Pair, saved: Two, g: Array) -> Two:
        x, w = saved
        return input_grad(g, w, strides, x.shape[1:3]), kernel_grad(x, g, strides, w.shape[:2])

    def input_grad_back(strides: Pair, size: Pair, saved: Two, x: Array) -> Two:
        g, w = saved
        return convolve(x, w, strides), kernel_grad(x, g, strides, w.shape[:2])

    def kernel_grad_back(strides: Pair, size: Pair, saved: Two, w: Array) -> Two:
        x, g = saved
        return input_grad(g, w, strides, x.shape[1:3]), convolve(x, w, strides)

    def saving(function: jax.custom_vjp) -> Callable[..., tuple[Array, Two]]:
        return lambda a, b, *static: (function(a, b, *static), (a, b))

    convolve.defvjp(saving(convolve), convolve_back)
    input_grad.defvjp(saving(input_grad), input_grad_back)
    kernel_grad.defvjp(saving(kernel_grad), kernel_grad_back)


derive(convolve, conv_input_grad, conv_kernel_grad)


def _by_xla(x: Array, w: Array, strides: Pair) -> Array:
    return lax.conv_general_dilated(
        x, w, strides, 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
    )


def conv_transpose(x: Array, w: Array, strides: Pair) -> Array:
    """`jax.lax.conv_transpose(x, w, strides, 'SAME')`: [N, H, W, C] -> [N, H*s, W*s, O].

    Args:
        x: [N, H, W, C].
        w: [a, b, C, O], laid out as for a plain convolution.
        strides: factors by which the axes of the image grow.
    """
    size = (x.shape[1] * strides[0], x.shape[2] * strides[1])
    # JAX does not flip the kernel; the adjoint flips it and swaps its inputs and outputs.
    return conv_input_grad(x, jnp.flip(_as_stored(w), (0, 1)).swapaxes(2, 3), strides, size)


@jax.custom_vjp
def _as_stored(w: Array) -> Array:
    """w, whose gradient is laid out in memory as w is.

    The gradient of a transposed convolution comes transposed. A TPU would lay out the whole update
    that way, and copy weights, their average and the optimiser's moments there and back.
    """
    return w


def _stored_back(_: None, gradient: Array) -> tuple[Array]:
    # A TPU stores an array of fewer channels by its other axes.
    default = _row_major if gradient.shape[-1] >= LANES else lambda g: g
    return (lax.platform_dependent(gradient, cpu=lambda g: g, default=default),)


def _row_major(gradient: Array) -> Array:
    order = Layout(major_to_minor=tuple(range(gradient.ndim)))
    return with_layout_constraint(gradient, order)


_as_stored.defvjp(lambda w: (w, None), _stored_back)


def double_convolve(x: Array, w: Array) -> Array:
    """`convolve` with w [3, 3, C, O] after nearest upsampling: [N, H, W, C] -> [N, 2H, 2W, O].

    Four pixels of the large map share each value of x. So x is convolved with a 4×4 kernel of sums
    of weights: 16 products for a value of x, where the large map takes 36.
    """
    size = (2 * x.shape[1], 2 * x.shape[2])
    return conv_input_grad(x, jnp.flip(_doubled(w), (0, 1)).swapaxes(2, 3), (2, 2), size)


def convolve_halve(x: Array, w: Array) -> Array:
    """`convolve` with w [3, 3, C, O], then means over squares of 2×2, by one 4×4 kernel.

    [N, H, W, C] -> [N, H/2, W/2, O]; H and W are even.
    """
    return convolve(x, 0.25 * _doubled(w), (2, 2))


def _doubled(w: Array) -> Array:
    """A kernel convolved with a square of four ones: [3, 3, C, O] -> [4, 4, C, O].

    The sums are float32 at least, so that each is rounded once.
    """
    sums = jnp.pad(at_least_float32(w), ((1, 1), (1, 1), (0, 0), (0, 0)))
    sums = sums[1:] + sums[:-1]
    return (sums[:, 1:] + sums[:, :-1]).astype(w.dtype)


def by_platform(
    default: Callable[[Array, Array], Array], **forms: Callable[[Array, Array], Array]
) -> Callable[[Array, Array], Array]:
    """Forms of one function of (x, w) by platform, each with its own derivatives."""

    @jax.custom_vjp
    def function(x: Array, w: Array) -> Array:
        return lax.platform_dependent(x, w, default=default, **forms)

    def derivative(form: Callable) -> Callable[[Array, Array, Array], Two]:
        return lambda x, w, g: jax.vjp(form, x, w)[1](g)

    def back(saved: Two, g: Array) -> Two:
        backward = {name: derivative(form) for name, form in forms.items()}
        return lax.platform_dependent(*saved, g, default=derivative(default), **backward)

    function.defvjp(lambda x, w: (function(x, w), (x, w)), back)
    return function


# Doubling and taking means by themselves are slow on a TPU, where places that become neighbours are
# far from each other in memory. As parts of a convolution they cost little.

# `upsample_nearest(x @ w)`: [N, H, W, C], [C, O] -> [N, 2H, 2W, O].
double_dense = by_platform(
    lambda x, w: double_convolve(x, w[None, None]), cpu=lambda x, w: upsample_nearest(x @ w)
)
# `average_pool(x) @ w`: [N, H, W, C], [C, O] -> [N, H/2, W/2, O]; H and W are even.
dense_halve = by_platform(
    lambda x, w: convolve_halve(x, w[None, None]), cpu=lambda x, w: average_pool(x) @ w
)


class Conv(nn.Module):
    """`flax.linen.Conv` with 'SAME' padding: [N, H, W, C] -> [N, ceil(H/s), ceil(W/s), features].

    Same parameters and initial values as Flax's. With `dtype` None the result has the type that
    the image and the parameters promote to.
    """

    features: int
    kernel_size: Pair
    strides: Pair = (1, 1)
    use_bias: bool = True
    dtype: Any = None
    param_dtype: Any = jnp.float32
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    bias_init: nn.initializers.Initializer = nn.initializers.zeros_init()
    operation: ClassVar[Callable[[Array, Array, Pair], Array]] = staticmethod(convolve)

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (*self.kernel_size, x.shape[-1], self.features)
        w = self.param('kernel', self.kernel_init, shape, self.param_dtype)
        x, w = nn.dtypes.promote_dtype(x, w, dtype=self.dtype)
        y = self.operation(x, w, self.strides)
        if not self.use_bias:
            return y
        return add_bias(y, self.param('bias', self.bias_init, y.shape[-1:], self.param_dtype))


class ConvTranspose(Conv):
    """`flax.linen.ConvTranspose` with 'SAME' padding: [N, H, W, C] -> [N, H*s, W*s, features].

    Parameters, initial values and types are as in `Conv`.
    """

    operation = staticmethod(conv_transpose)


class UpConv(Conv):
    """A 3×3 `Conv` without strides after nearest upsampling.

    [N, H, W, C] -> [N, 2H, 2W, features].
    """

    operation = staticmethod(lambda x, w, strides: double_convolve(x, w))


class DownConv(Conv):
    """A 3×3 `Conv` without strides, then means over squares of 2×2.

    [N, H, W, C] -> [N, H/2, W/2, features]; H and W are even.
    """

    operation = staticmethod(lambda x, w, strides: convolve_halve(x, w))


class UpDense(Dense):
    """A `Dense` at each place, then nearest upsampling: [N, H, W, C] -> [N, 2H, 2W, features]."""

    operation = staticmethod(double_dense)


class DownDense(Dense):
    """Means over squares of 2×2, then a `Dense` at each place.

    [N, H, W, C] -> [N, H/2, W/2, features]; H and W are even.
    """

    operation = staticmethod(dense_halve)
