"""Checks of the shapes of arrays that a configured part returns."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp


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


def alike(what: str, value: Any, like: Any) -> Any:
    """The value, if it is a tree of arrays with the structure, shapes and types of another.

    Raises:
        TypeError: it is not; names the first leaf that differs.
    """
    found, wanted = (jax.tree_util.tree_leaves_with_path(tree) for tree in (value, like))
    structures: list[Any] = [jax.tree.structure(tree) for tree in (value, like)]
    if structures[0] != structures[1]:
        raise TypeError(f'{what} returns a tree of another structure than it is given')
    for (path, one), (_, other) in zip(found, wanted, strict=True):
        kinds = [(jnp.shape(x), jnp.result_type(x)) for x in (one, other)]
        if kinds[0] != kinds[1]:
            (shape, dtype), (old_shape, old_dtype) = kinds
            raise TypeError(
                f'{what} returns {dtype} {_shown(shape)} at {jax.tree_util.keystr(path)} where '
                f'{old_dtype} {_shown(old_shape)} is wanted'
            )
    return value


def _shown(shape: Sequence[Any]) -> str:
    return f'[{", ".join("..." if x is ... else str(x) for x in shape)}]'
