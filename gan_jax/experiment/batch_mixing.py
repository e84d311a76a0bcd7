"""Analysis of a traced function: does it mix the images of a batch?

An array is in one of three states: it does not depend on the batch, it holds the images side by
side along one axis, or it has mixed them. Each primitive has a rule for its outputs; a primitive
without a rule counts as mixing. On two busy cores tracing SNDCGAN's discriminator took 0.3 s,
BigGAN's at 128 pixels 1 s, and the analysis at most 0.14 s.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax


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


def mixing_primitive(function: Callable[..., Any], size: int, *inputs: Any) -> str | None:
    """The first layer that mixes images on the way to an output; None if no layer does.

    Args:
        function: a function that JAX can trace.
        size: N, number of images in the batch, > 1.
        inputs: trees of `jax.ShapeDtypeStruct`s, an argument each. The first argument, the
            variables, does not depend on the batch; the leading axis of all others is the batch.
    """
    traced = jax.make_jaxpr(function)(*inputs)
    first = len(jax.tree.leaves(inputs[0]))
    held = [None] * first + [Images(0)] * (len(traced.jaxpr.invars) - first)
    for found in _follow(traced.jaxpr, held, size, ''):
        if isinstance(found, Mixed):
            return found.where
    return None


def _follow(jaxpr: Any, held: Sequence[Holds], size: int, scope: str) -> list[Holds]:
    """The state of each output of a jaxpr whose inputs have the states `held`."""
    env = dict(zip(jaxpr.invars, held, strict=True))

    def of(x: Any) -> Holds:
        return None if hasattr(x, 'val') else env.get(x)  # a literal; a constant

    for equation in jaxpr.eqns:
        ins = [of(x) for x in equation.invars]
        where = '/'.join(filter(None, (scope, str(equation.source_info.name_stack))))
        env.update(zip(equation.outvars, _outs(equation, ins, size, where), strict=True))
    return [of(x) for x in jaxpr.outvars]


def _outs(equation: Any, ins: Sequence[Holds], size: int, where: str) -> list[Holds]:
    count = len(equation.outvars)
    name, params = equation.primitive.name, equation.params
    mixed = [Mixed(where or name)] * count
    if all(x is None for x in ins):
        return [None] * count
    for x in ins:
        if isinstance(x, Mixed):
            return [x] * count
    if name in _LOOPS:
        return _LOOPS[name](equation, ins, size, where)
    if inner := _inside(equation):
        return _follow(inner, ins, size, where)
    shapes = [x.aval.shape for x in equation.invars]
    outs = [x.aval.shape for x in equation.outvars]
    if name in _ELEMENTWISE:
        found = {x for x in ins if x is not None}
        return [*found] * count if len(found) == 1 and _broadcasts(shapes, outs[0]) else mixed
    rule = _RULES.get(name)
    found = rule(params, ins, shapes, outs, size) if rule else None
    return mixed if found is None else [found] * count


def _broadcasts(shapes: Sequence[tuple[int, ...]], to: tuple[int, ...]) -> bool:
    """True if shapes broadcast to `to` without new axes: scalars, or axes of equal length or 1."""
    pairs = [[*zip(shape, to, strict=True)] for shape in shapes if shape]
    return all(length in (1, full) for pair in pairs for length, full in pair)


def _inside(equation: Any) -> Any:
    """The jaxpr that an equation calls with its own inputs, such as the body of a `jit`."""
    found = [getattr(x, 'jaxpr', x) for x in equation.params.values()]
    found = [x for x in found if hasattr(x, 'eqns')]
    if len(found) != 1:
        return None
    avals = [[x.aval.shape for x in side] for side in (found[0].invars, equation.invars)]
    return found[0] if avals[0] == avals[1] else None


# Control flow -------------------------------------------------------------------------------------


def _cond(equation: Any, ins: Sequence[Holds], size: int, where: str) -> list[Holds]:
    which, *rest = ins
    branches = [_follow(x.jaxpr, rest, size, where) for x in equation.params['branches']]
    found = [_either(outs, where) for outs in zip(*branches, strict=True)]
    return found if which is None else [Mixed(where)] * len(found)


def _while(equation: Any, ins: Sequence[Holds], size: int, where: str) -> list[Holds]:
    params = equation.params
    test, body = params['cond_nconsts'], params['body_nconsts']
    of_test, consts, carry = ins[:test], ins[test : test + body], ins[test + body :]
    carry = _fixed_point(
        lambda x: _follow(params['body_jaxpr'].jaxpr, [*consts, *x], size, where), carry
    )
    go_on = _follow(params['cond_jaxpr'].jaxpr, [*of_test, *carry], size, where)
    return carry if go_on == [None] else [Mixed(where)] * len(carry)


def _scan(equation: Any, ins: Sequence[Holds], size: int, where: str) -> list[Holds]:
    body = equation.params['jaxpr'].jaxpr
    # Scanned inputs and outputs have one axis more outside than inside the body. Counting ranks
    # works in every version of JAX; the names of the parameters differ.
    carried = sum(map(_same_rank, equation.outvars, body.outvars))
    consts = sum(map(_same_rank, equation.invars, body.invars)) - carried
    rows = [_shifted(x, -1, where) for x in ins[consts + carried :]]

    def once(carry: Sequence[Holds]) -> list[Holds]:
        return _follow(body, [*ins[:consts], *carry, *rows], size, where)

    carry = _fixed_point(lambda x: once(x)[:carried], ins[consts : consts + carried])
    return [*carry, *(_shifted(x, 1, where) for x in once(carry)[carried:])]


def _same_rank(a: Any, b: Any) -> bool:
    return len(a.aval.shape) == len(b.aval.shape)


def _fixed_point(step: Callable[[Any], list[Holds]], carry: Sequence[Holds]) -> list[Holds]:
    """The states of a loop's carry after any number of iterations."""
    while True:
        after = [_either(pair, 'a loop') for pair in zip(carry, step(carry), strict=True)]
        if after == [*carry]:
            return after
        carry = after


def _either(held: Sequence[Holds], where: str) -> Holds:
    """The state of an array that is one of several."""
    found = {x for x in held if x is not None}
    mixed = [x for x in found if isinstance(x, Mixed)]
    if mixed or len(found) > 1:
        return mixed[0] if mixed else Mixed(where)
    return found.pop() if found else None


def _shifted(x: Holds, by: int, where: str) -> Holds:
    """The state after a leading axis was added (by = 1) or removed (by = -1).

    A loop over the batch axis itself counts as mixing.
    """
    if not isinstance(x, Images):
        return x
    return x._replace(axis=x.axis + by) if x.axis + by >= 0 else Mixed(where)


_LOOPS = {'cond': _cond, 'while': _while, 'scan': _scan}

# Single operations --------------------------------------------------------------------------------
# (params, states of the inputs, shapes of the inputs, shapes of the outputs, N) -> the state of the
# outputs, None if images mix. At least one input holds images, and no input has mixed them.

_NAMES = """
abs acos acosh add add_any and asin asinh atan atan2 atanh cbrt ceil clamp
convert_element_type copy copy_p cos cosh digamma div eq erf erf_inv erfc exp exp2 expm1
floor ge gt imag integer_pow is_finite le lgamma log log1p logistic lt max min mul name
ne neg nextafter not or pow real reduce_precision rem round rsqrt select_n
sharding_constraint shift_left shift_right_arithmetic shift_right_logical sign sin sinh
sqrt square stop_gradient sub tan tanh xor
"""
_ELEMENTWISE = frozenset(_NAMES.split())


def _transpose(params, ins, shapes, outs, size):
    return ins[0]._replace(axis=params['permutation'].index(ins[0].axis))


def _broadcast(params, ins, shapes, outs, size):
    return ins[0]._replace(axis=params['broadcast_dimensions'][ins[0].axis])


def _reshape(params, ins, shapes, outs, size):
    axis, outer, _ = ins[0]
    before = math.prod(shapes[0][:axis]) * outer  # product of all factors in front of N
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


_RULES = {
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
