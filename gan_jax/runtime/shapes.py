"""The values that a part of a run returns, held against its contract."""

from collections.abc import Mapping, Sequence
from typing import Any


def array(what: str, value: Any, shape: Sequence[Any]) -> Any:
    """The value itself, if it is an array of that shape.

    Args:
        what: the value in words, to begin a sentence.
        value: whatever was returned.
        shape: of each axis its length, or a letter for any; ... at the end for any more axes.

    Raises:
        TypeError: it is none.
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
    """The value itself, if it is a dict of arrays [size, ...] by name.

    Raises:
        TypeError: it is none.
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
