"""The states of an array in a traced function, and the rule of each primitive for its outputs.

A rule is (params, states of the inputs, shapes of the inputs, shapes of the outputs, N) -> the
state of the outputs, None if images mix. At least one input holds images, and no input has mixed
them.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple


class Images(NamedTuple):
    """An array that holds N images along an axis of length outer · N · inner.

    Both factors are 1 unless a reshape has merged a neighbouring axis with the batch axis.
    """

    axis: int
    outer: int = 1
    inner: int = 1


class Mixed(NamedTuple):
    """An array that has mixed images; `where` names the layer that mixed them."""

    where: str


Holds = Images | Mixed | None  # None: does not depend on the batch

_NAMES = """
abs acos acosh add add_any and asin asinh atan atan2 atanh cbrt ceil clamp
convert_element_type copy copy_p cos cosh digamma div eq erf erf_inv erfc exp exp2 expm1
floor ge gt imag integer_pow is_finite le lgamma log log1p logistic lt max min mul name
ne neg nextafter not or pow real reduce_precision rem round rsqrt select_n
sharding_constraint shift_left shift_right_arithmetic shift_right_logical sign sin sinh
sqrt square stop_gradient sub tan tanh xor
"""
ELEMENTWISE = frozenset(_NAMES.split())


def _transpose(params, ins, shapes, outs, size):
    return ins[0]._replace(axis=params['permutation'].index(ins[0].axis))


def _broadcast(params, ins, shapes, outs, size):
    return ins[0]._replace(axis=params['broadcast_dimensions'][ins[0].axis])


def _reshape(params, ins, shapes, outs, size):
    axis, outer, _ = ins[0]
    order = params['dimensions'] or range(len(shapes[0]))  # of a transpose before
    shape, axis = [shapes[0][i] for i in order], order.index(axis)
    before = math.prod(shape[:axis]) * outer  # product of all factors in front of N
    outside = 1
    for to, length in enumerate(outs[0]):
        if outside * length >= before * size:  # the first axis that could contain N
            fits = before % outside == 0 and (outside * length) % (before * size) == 0
            return (
                Images(to, before // outside, outside * length // (before * size)) if fits else None
            )
        outside *= length
    return None


def _without(x: Images, axes: Sequence[int]) -> Images | None:
    if x.axis in axes:
        return None
    return x._replace(axis=x.axis - sum(axis < x.axis for axis in axes))


def _squeeze(params, ins, shapes, outs, size):
    return _without(ins[0], params['dimensions'])


def _reduce(params, ins, shapes, outs, size):
    return _without(ins[0], params['axes'])


def _along(key):
    """The rule of an operation along the axis, or the axes, in a parameter."""

    def rule(params, ins, shapes, outs, size):
        axes = params[key]
        found = {x for x in ins if x is not None}
        if len(found) > 1 or len({*shapes}) > 1:
            return None
        (x,) = found
        return None if x.axis in (axes if isinstance(axes, Sequence) else (axes,)) else x

    return rule


def _concatenate(params, ins, shapes, outs, size):
    found = {x for x in ins if x is not None}
    (x, *others) = found
    return None if others or x.axis == params['dimension'] else x


def _stack(params, ins, shapes, outs, size):
    found = {x for x in ins if x is not None}
    (x, *others) = found
    return None if others else x._replace(axis=x.axis + (params['axis'] <= x.axis))


def _slice_or_pad(params, ins, shapes, outs, size):
    """A slice or a padded array; the batch axis must stay whole."""
    x, *others = ins
    if x is None or any(y is not None for y in others):
        return None
    plain = 'padding_config' not in params or params['padding_config'][x.axis] == (0, 0, 0)
    return x if plain and shapes[0][x.axis] == outs[0][x.axis] else None


def _window(params, ins, shapes, outs, size):
    (x, *_) = ins
    if x is None or params['window_dimensions'][x.axis] != 1:
        return None
    return x if shapes[0][x.axis] == outs[0][x.axis] else None


def _dot(params, ins, shapes, outs, size):
    contracted, batched = params['dimension_numbers']
    found = set()
    for side, x in enumerate(ins):
        if x is None:
            continue
        if x.axis in contracted[side]:
            return None
        if x.axis in batched[side]:
            found.add(x._replace(axis=batched[side].index(x.axis)))
            continue
        kept = (*contracted[side], *batched[side])
        before = len(batched[0]) + side * (len(shapes[0]) - len(contracted[0]) - len(batched[0]))
        found.add(x._replace(axis=before + _without(x, kept).axis))
    return found.pop() if len(found) == 1 else None


def _conv(params, ins, shapes, outs, size):
    numbers = params['dimension_numbers']
    image, kernel = ins
    apart = kernel is None and image.axis == numbers.lhs_spec[0]
    return (
        image._replace(axis=numbers.out_spec[0])
        if apart and params['batch_group_count'] == 1
        else None
    )


def _gather(params, ins, shapes, outs, size):
    """Rows of a table without images, or the same elements of every image."""
    numbers, (table, places) = params['dimension_numbers'], ins
    if table is None:
        if places.axis == len(shapes[1]) - 1:
            return None
        kept = [i for i in range(len(outs[0])) if i not in numbers.offset_dims]
        return places._replace(axis=kept[places.axis])
    gone = (*numbers.collapsed_slice_dims, *numbers.operand_batching_dims)
    if places is not None or params['slice_sizes'][table.axis] != shapes[0][table.axis]:
        return None
    left = _without(table, gone)
    return left and left._replace(axis=numbers.offset_dims[left.axis])


RULES = {
    'transpose': _transpose,
    'broadcast_in_dim': _broadcast,
    'reshape': _reshape,
    'squeeze': _squeeze,
    **dict.fromkeys(
        (
            *('argmax', 'argmin', 'reduce_and', 'reduce_max', 'reduce_min', 'reduce_or'),
            *('reduce_prod', 'reduce_sum', 'reduce_xor'),
        ),
        _reduce,
    ),
    **dict.fromkeys(('cumlogsumexp', 'cummax', 'cummin', 'cumprod', 'cumsum'), _along('axis')),
    **dict.fromkeys(('split', 'top_k'), _along('axis')),
    'rev': _along('dimensions'),
    'sort': _along('dimension'),
    'concatenate': _concatenate,
    'stack': _stack,
    **dict.fromkeys(('dynamic_slice', 'pad', 'slice'), _slice_or_pad),
    **dict.fromkeys(
        ('reduce_window', 'reduce_window_max', 'reduce_window_min', 'reduce_window_sum'), _window
    ),
    'dot_general': _dot,
    'conv_general_dilated': _conv,
    'gather': _gather,
}
