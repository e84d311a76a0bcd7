"""Analysis of a traced function: does it mix the images of a batch?

An array is in one of three states: it does not depend on the batch, it holds the images side by
side along one axis, or it has mixed them. Each primitive has a rule for its outputs; a primitive
without a rule counts as mixing. On two busy cores tracing SNDCGAN's discriminator took 0.3 s,
BigGAN's at 128 pixels 1 s, and the analysis at most 0.14 s.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax

from gan_jax.experiment.batch_mixing_rules import ELEMENTWISE, RULES, Holds, Images, Mixed


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
    if name in ELEMENTWISE:
        found = {x for x in ins if x is not None}
        return [*found] * count if len(found) == 1 and _broadcasts(shapes, outs[0]) else mixed
    rule = RULES.get(name)
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
