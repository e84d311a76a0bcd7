"""The op that a name in a policy stands for."""

import inspect
from collections.abc import Collection

from gan_jax.augment import ops
from gan_jax.augment.operation import Op
from gan_jax.runtime import load
from gan_jax.runtime.nearest import nearest

OP = load.Kind(
    'an augmentation',
    mark='a function of gan_jax.augment that is decorated by @operation.op',
    packages=('gan_jax.augment',),
    fits=lambda found: inspect.isfunction(found) and hasattr(found, 'strengths'),
)
OPS: dict[str, Op] = {name: op for name, op in vars(ops).items() if hasattr(op, 'strengths')}


def find(name: str, policy: str, allow: Collection[str] | None, others: Collection[str] = ()) -> Op:
    """The op of a name or of an importable path.

    Args:
        name: a key of `OPS`, or a path with a dot.
        policy: the whole policy, for messages.
        allow: packages that a path may come from, as in `load.resolve`.
        others: further words that a misspelt name may have meant.

    Raises:
        ValueError: one sentence: unknown, not allowed, or not called as an op is.
    """
    if '.' in name:
        return _called_as_one(name, load.resolve(name, OP, allow))
    if name not in OPS:
        hint = nearest(name, [*OPS, *others])
        raise ValueError(f"unknown augmentation '{name}' in policy '{policy}'{hint}")
    return OPS[name]


def _called_as_one(name: str, op: Op) -> Op:
    """The op, if its signature takes (key, images, strength).

    Raises:
        ValueError: it does not.
    """
    try:
        signature = inspect.signature(op)
    except ValueError:  # some functions that are written in C have none
        return op
    try:
        signature.bind('key', 'images', 'strength')
    except TypeError as error:
        raise ValueError(f"'{name}' is not called with a key, images and a strength") from error
    return op
