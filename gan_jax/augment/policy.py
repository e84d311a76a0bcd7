"""Augmentation policies as text: 'flip|translation(0.125)|cutout' is a chain of ops.

An op with a number always has that strength; an op without takes the strength that the policy is
called with. A name with a dot is imported, so that a fork's own op needs no entry here. The empty
text is the identity.
"""

import inspect
import re
from collections.abc import Collection
from typing import NamedTuple

import jax

from gan_jax.augment import ops
from gan_jax.augment.operation import FINITE, Op, Range
from gan_jax.keys import named
from gan_jax.runtime import load
from gan_jax.runtime.errors import of_part

OP = load.Kind(
    'an augmentation',
    mark='a function of gan_jax.augment that is decorated by @operation.op',
    packages=('gan_jax.augment',),
    fits=lambda found: inspect.isfunction(found) and hasattr(found, 'strengths'),
)
OPS: dict[str, Op] = {name: op for name, op in vars(ops).items() if hasattr(op, 'strengths')}

PART = re.compile(r'([^\W\d][\w.]*)\s*(?:\(([^()]*)\))?')  # name or name(number)


class Part(NamedTuple):
    """One op of a chain.

    Attributes:
        name: as the policy has it.
        op: the function.
        strength: the number in the policy; None takes the policy's strength.
        strengths: the range of the op's strength; None for an op without a strength.
    """

    name: str
    op: Op
    strength: float | None
    strengths: Range | None


def parse(text: str, *, allow: Collection[str] | None = None) -> Op:
    """The function that a policy's text describes.

    Args:
        text: op names, each with an optional number in brackets, separated by '|'.
        allow: packages that a dotted name may come from, as in `load.resolve`.

    Returns:
        policy(key, images [B, H, W, C] in [0, 1], strength f32[]) -> [B, H, W, C]. Each op has its
        own key, by its position and name; the policy's key is consumed.

    Raises:
        ValueError: one sentence: an empty part, an unknown op or one that is not allowed, a bad
            number, or one out of range.
    """
    parts = _parts(text, allow)

    def policy(key, images, strength):
        for position, part in enumerate(parts):
            amount = strength if part.strength is None else part.strength
            with of_part(f"the augmentation '{part.name}'"):
                images = part.op(named(key, position, part.name), images, amount)
        return images

    return policy


def needs_strength(text: str, *, allow: Collection[str] | None = None) -> bool:
    """True if any op of the policy takes the policy's strength. Raises as `parse`."""
    return any(_takes_policys(part) for part in _parts(text, allow))


def paths(text: str) -> list[str]:
    """The ops of a policy that are named by an importable path. Raises as `parse`."""
    return [part.name for part in _parts(text, None) if '.' in part.name]


def mixes(text: str, *, allow: Collection[str] | None = None) -> bool:
    """True if any op of the policy mixes the images of a batch. Raises as `parse`."""
    return any(getattr(part.op, 'mixes', False) for part in _parts(text, allow))


def check(text: str, strength: jax.Array | float, *, allow: Collection[str] | None = None) -> None:
    """Check a policy and the strength it is to be called with, before anything is compiled.

    Raises:
        ValueError: as `parse`, or the strength is out of the range of an op that takes it.
    """
    for part in _parts(text, allow):
        if part.strength is not None or part.strengths is None:
            continue
        if not part.strengths.holds(float(strength)):
            raise ValueError(
                f"augmentation '{part.name}' of policy '{text}' takes a strength in "
                f'{part.strengths}, got {strength}'
            )


def _takes_policys(part: Part) -> bool:
    return part.strength is None and part.strengths is not None


def _parts(text: str, allow: Collection[str] | None) -> list[Part]:
    return [_part(word.strip(), text, allow) for word in text.split('|')] if text.strip() else []


def _part(word: str, text: str, allow: Collection[str] | None) -> Part:
    if not word:
        raise ValueError(f"policy '{text}' has an empty part between its bars")
    match = PART.fullmatch(word)
    if not match:
        raise ValueError(f"'{word}' in policy '{text}' is not written as op or op(number)")
    name, number = match.groups()
    op = _find(name, text, allow)
    strengths = getattr(op, 'strengths', FINITE)
    if number is None:
        return Part(name, op, None, strengths)
    if strengths is None:
        raise ValueError(f"'{word}' in policy '{text}': '{name}' has no strength, write '{name}'")
    return Part(name, op, _number(number, word, text, strengths), strengths)


def _find(name: str, text: str, allow: Collection[str] | None) -> Op:
    if '.' in name:
        return _called_as_one(name, load.resolve(name, OP, allow))
    if name not in OPS:
        hint = load.nearest(name, list(OPS))
        raise ValueError(f"unknown augmentation '{name}' in policy '{text}'{hint}")
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


def _number(number: str, word: str, text: str, strengths: Range) -> float:
    try:
        strength = float(number)
    except ValueError as error:
        raise ValueError(f"'{number}' of '{word}' in policy '{text}' is not a number") from error
    if not strengths.holds(strength):
        raise ValueError(f"'{word}' in policy '{text}': the strength must lie in {strengths}")
    return strength
