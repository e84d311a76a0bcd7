"""Checks of the shapes of arrays that a configured part returns."""

from collections.abc import Mapping, Sequence
from typing import Any


def array(what: str, value: Any, shape: Sequence[Any]) -> Any:
    """The value, if it is an array of that shape.

    Args:
        what: the value in words; the error message begins with it.
        value: the returned value.
        shape: the length of each axis, or a letter for any length; ... at the end allows further
            axes.

    Raises:
        TypeError: the value is no such array.
    """
    found = getattr(value, 'shape', None)
    lengths = [x for x in shape if x is not ...]
    if found is not None and len(lengths) <= len(found):
        axes = found[: len(lengths)] if ... in shape else found
        if len(axes) == len(lengths) and all(
            isinstance(wanted, str) or wanted == n for wanted, n in zip(lengths, axes, strict=True)
        ):
            return value
    is_a = f'a {type(value).__name__}' if found is None else f'an array {_shown(found)}'
    raise TypeError(f'{what} is {is_a} where an array {_shown(shape)} is wanted')


def arrays(what: str, value: Any, size: int) -> Mapping[str, Any]:
    """The value, if it is a dict of arrays [size, ...] by name.

    Raises:
        TypeError: the value is no such dict.
    """
    if not isinstance(value, Mapping):
        raise TypeError(
            f'{what} is a {type(value).__name__} where a dict of arrays [{size}, ...] is wanted'
        )
    for name, one in value.items():
        array(f"{what}['{name}']", one, (size, ...))
    return value


def _shown(shape: Sequence[Any]) -> str:
    return f'[{", ".join("..." if x is ... else str(x) for x in shape)}]'
