"""The equations of a traced function."""

from collections.abc import Iterator
from typing import Any


def equations(jaxpr: Any) -> Iterator[Any]:
    """The equations without inner jaxprs, of a jaxpr and of all jaxprs inside it.

    Both branches of a conditional are among them, and the body of a loop counts once.
    """
    for equation in getattr(jaxpr, 'jaxpr', jaxpr).eqns:
        inner = [x for value in equation.params.values() for x in _jaxprs(value)]
        for x in inner:
            yield from equations(x)
        if not inner:
            yield equation


def _jaxprs(value: Any) -> list[Any]:
    values = value if isinstance(value, tuple | list) else [value]
    return [x for x in values if hasattr(getattr(x, 'jaxpr', x), 'eqns')]


def scope(equation: Any) -> str:
    """The names of the modules and transformations that an equation comes from."""
    return str(equation.source_info.name_stack)
