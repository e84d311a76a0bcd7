"""How much memory a function needs: the values that are alive at once, counted by hand."""

from jax.extend.core import Jaxpr, JaxprEqn, Var

from gan_jax.benchmark.flops import inside


def peak_bytes(jaxpr: Jaxpr) -> int:
    """Bytes of all values at the moment when they are most, arguments among them.

    The jaxpr runs in its order, one equation after another. A value takes memory from the equation
    that makes it to the last one that reads it, an argument from the start on, as one that is
    donated. What an equation has inside (a loop, a call, `jax.checkpoint`) is counted while it
    runs. A compiler does better, by fusing equations and computing cheap values again, and worse,
    by its own layouts and copies.
    """
    arguments = {*jaxpr.invars, *jaxpr.constvars}
    return _peak(jaxpr, arguments)


def _peak(jaxpr: Jaxpr, owned: set[Var]) -> int:
    """The same of a jaxpr whose caller holds all arguments but those."""
    last = _last_use(jaxpr)
    mine = set(owned)
    liveness = peak = sum(map(_size, mine))
    for i, equation in enumerate(jaxpr.eqns):
        peak = max(peak, liveness + _during(equation))
        made = {v for v in equation.outvars if v in last}
        read = {v for v in equation.invars if isinstance(v, Var)}
        mine |= made
        liveness += sum(map(_size, made))
        liveness -= sum(_size(v) for v in read & mine if last[v] == i)
    return peak


def _during(equation: JaxprEqn) -> int:
    """What an equation needs beside the values that were there before."""
    results = sum(_size(v) for v in equation.outvars)
    return max([results, *(_peak(jaxpr, set()) for jaxpr in inside(equation))])


def _last_use(jaxpr: Jaxpr) -> dict[Var, int]:
    """The number of the last equation that reads a value; those that are returned outlive all."""
    last = {}
    for i, equation in enumerate(jaxpr.eqns):
        last |= {v: i for v in equation.invars if isinstance(v, Var)}
    return last | {v: len(jaxpr.eqns) for v in jaxpr.outvars if isinstance(v, Var)}


def _size(value: Var) -> int:
    return value.aval.size * value.aval.dtype.itemsize
