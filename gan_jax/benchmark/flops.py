"""The multiplications of a function, counted from its jaxpr and not by a compiler.

Only matrix products and convolutions count, which are nearly all of a network's work; a
multiply-add is two operations.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import Jaxpr, JaxprEqn, jaxprs_in_params
from jax.interpreters.partial_eval import dce_jaxpr


class Work(NamedTuple):
    """The cost of matrix products and convolutions.

    Attributes:
        flops: operations, with the padding around a convolution's image. The zeros that a stride
            puts between the values of a gradient never count.
        needed: operations without the padding.
        bytes: operands and results of every product, once each.
    """

    flops: int
    needed: int
    bytes: int

    def times(self, count: int) -> 'Work':
        """The work of `count` calls."""
        return Work(*(count * value for value in self))


def count(function: Callable, *arguments: Any) -> Work:
    """The work of one call on all devices together, without dead code.

    The body of a loop counts as often as it runs, or once if the loop ends by a condition
    (`lax.while_loop`). Of the branches of a `cond` the most expensive counts, of the forms of
    `lax.platform_dependent` the default one.

    Args:
        function, *arguments: as `trace`.
    """
    return of_jaxpr(trace(function, *arguments))


def trace(function: Callable, *arguments: Any) -> Jaxpr:
    """The jaxpr of one call, without dead code.

    Args:
        function: to be traced, not compiled.
        *arguments: trees of arrays or of `jax.ShapeDtypeStruct`.
    """
    jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
    # `jax.grad` leaves unused products behind, which every compiler removes.
    return dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))[0]


def of_jaxpr(jaxpr: Jaxpr) -> Work:
    """The work of a jaxpr as it stands."""
    return _total(map(_of_equation, jaxpr.eqns))


def _of_equation(equation: JaxprEqn) -> Work:
    name, params = equation.primitive.name, equation.params
    if name == 'dot_general':
        return _dot(equation)
    if name == 'conv_general_dilated':
        return _convolution(equation)
    inner = [of_jaxpr(jaxpr) for jaxpr in inside(equation)]
    if name == 'cond':
        return max(inner, key=lambda w: w.flops)
    if name == 'scan':
        return _total(inner).times(params['length'])
    if name == 'shard_map':  # inside are the shapes of one device
        return _total(inner).times(params['mesh'].size)
    return _total(inner)


def inside(equation: JaxprEqn) -> list[Jaxpr]:
    """The jaxprs in an equation; of the forms of `lax.platform_dependent` only the default one."""
    jaxprs = list(jaxprs_in_params(equation.params))
    platforms = equation.params.get('branches_platforms')
    return [jaxprs[platforms.index(None)]] if platforms else jaxprs


def _dot(equation: JaxprEqn) -> Work:
    (contracted, _), _ = equation.params['dimension_numbers']
    lhs, out = equation.invars[0].aval, equation.outvars[0].aval
    flops = 2 * out.size * math.prod(lhs.shape[axis] for axis in contracted)
    return Work(flops, flops, _traffic(equation))


def _convolution(equation: JaxprEqn) -> Work:
    params = equation.params
    lhs, rhs, out = (x.aval.shape for x in (*equation.invars, *equation.outvars))
    numbers = params['dimension_numbers']
    batch, features, *outer = (out[axis] for axis in numbers.out_spec)
    _, _, *size = (lhs[axis] for axis in numbers.lhs_spec)
    # With groups of features a kernel has the inputs of one group.
    _, inputs, *kernel = (rhs[axis] for axis in numbers.rhs_spec)
    axes = zip(
        *(size, kernel, outer),
        *(params[name] for name in ('window_strides', 'padding', 'lhs_dilation', 'rhs_dilation')),
        strict=True,
    )
    with_padding, without = np.prod([_pairs(*axis) for axis in axes], axis=0, dtype=int)
    each = 2 * batch * features * inputs
    return Work(each * int(with_padding), each * int(without), _traffic(equation))


def _pairs(size, kernel, out, stride, padding, spacing, dilation) -> tuple[int, int]:
    """The numbers of pairs of an output and a kernel's tap along one axis that are multiplied.

    Returns:
        (pairs that meet a value of the padded image, pairs that meet a value of the image itself).
    """
    outputs, taps = np.arange(out)[:, None] * stride, np.arange(kernel)[None] * dilation
    at = outputs + taps - padding[0]  # in the image with its values `spacing` apart
    on_value = at % spacing == 0
    inside = (at >= 0) & (at <= (size - 1) * spacing)
    return int(np.sum(on_value)), int(np.sum(on_value & inside))


def _traffic(equation: JaxprEqn) -> int:
    return sum(x.aval.size * x.aval.dtype.itemsize for x in (*equation.invars, *equation.outvars))


def _total(works) -> Work:
    return Work(*map(sum, zip(Work(0, 0, 0), *works, strict=True)))
