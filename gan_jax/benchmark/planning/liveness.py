"""The memory of a function: the values that are live at once, counted from its jaxpr."""

from jax.extend.core import Jaxpr, JaxprEqn, Var

from gan_jax.benchmark.flops import inside


def peak_bytes(jaxpr: Jaxpr) -> int:
    """The most bytes of all live values at any moment, arguments included.

    The jaxpr runs in its order, one equation after another. A value takes memory from the equation
    that makes it to the last one that reads it; an argument does from the start on, as if it were
    donated. Values inside an equation (a loop, a call, `jax.checkpoint`) count while it runs. A
    compiler needs less, by fusing equations and computing cheap values again, and more, by its own
    layouts and copies.
    """
    arguments = {*jaxpr.invars, *jaxpr.constvars}
    return _peak(jaxpr, arguments)


def _peak(jaxpr: Jaxpr, owned: set[Var]) -> int:
    """`peak_bytes` without the arguments that are not `owned`, which the caller holds."""
    last = _last_use(jaxpr)
    counted = set(owned)
    live = peak = sum(map(_size, counted))
    for i, equation in enumerate(jaxpr.eqns):
        peak = max(peak, live + _during(equation))
        made = {v for v in equation.outvars if v in last}
        read = {v for v in equation.invars if isinstance(v, Var)}
        counted |= made
        live += sum(map(_size, made))
        live -= sum(_size(v) for v in read & counted if last[v] == i)
    return peak


def _during(equation: JaxprEqn) -> int:
    """The bytes that an equation needs in addition to the values that are live before it."""
    results = sum(_size(v) for v in equation.outvars)
    return max([results, *(_peak(jaxpr, set()) for jaxpr in inside(equation))])


def _last_use(jaxpr: Jaxpr) -> dict[Var, int]:
    """The number of the last equation that reads each value; returned values outlive all."""
    last = {}
    for i, equation in enumerate(jaxpr.eqns):
        last |= {v: i for v in equation.invars if isinstance(v, Var)}
    return last | {v: len(jaxpr.eqns) for v in jaxpr.outvars if isinstance(v, Var)}


def _size(value: Var) -> int:
    return value.aval.size * value.aval.dtype.itemsize
