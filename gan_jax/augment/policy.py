"""Augmentation policies as text: 'flip|translation(0.125)|cutout' is a chain of ops.

An op with a number always has that strength; an op without takes the strength that the policy is
called with. A name with a dot is imported, so that a fork's own op needs no entry here. The empty
text is the identity. Besides ops, a chain may have, where a and b are policies themselves:

    p(0.8, a)          each image, independently, is augmented by a with probability 0.8
    p(a)               the same with the probability that the policy is called with
    one_of(a, b, ...)  for each image one of them, equally likely
    n_of(2, a, b, c)   for each image two different ones, one after the other in this order
    mix(a, b, ...)     their results averaged, for each image with weights ~ Dirichlet(1); AugMix
                       without its chains, and without its second average with the original

The batch stays whole: every op of a policy is computed for all images, and each image takes the
results that it drew. Hence 'one_of(a, b)' costs what 'a|b' costs, and `p` saves nothing.
"""

import functools
from collections.abc import Callable, Collection
from typing import Any

import jax

from gan_jax.augment import branches, grammar
from gan_jax.augment.grammar import PART, Chain, Combination, Part
from gan_jax.augment.lookup import OP, OPS
from gan_jax.augment.operation import CLOSED
from gan_jax.keys import named
from gan_jax.runtime.errors import of_part

__all__ = [
    'NEEDS',
    'OP',
    'OPS',
    'PART',
    'Policy',
    'check',
    'mixes',
    'needs_probability',
    'needs_strength',
    'of_colours',
    'parse',
    'paths',
]

# (key, images, strength, probability=1.0) -> images
Policy = Callable[..., jax.Array]


def parse(text: str, *, allow: Collection[str] | None = None) -> Policy:
    """The function that a policy's text describes.

    Args:
        text: ops, each with an optional number in brackets, and nested policies, separated by '|'.
        allow: packages that a dotted name may come from, as in `load.resolve`.

    Returns:
        policy(key, images [B, H, W, C] in [0, 1], strength f32[], probability=1.0) ->
        [B, H, W, C]. The probability, a number or f32[] in [0, 1], is the one of every `p` without
        a number. Each op has its own key, by its position and name; the policy's key is consumed.

    Raises:
        ValueError: one sentence: an empty part, an unknown op or one that is not allowed, a bad
            number, one out of range, unbalanced brackets, or a wrong number of nested policies.
    """
    chain = grammar.read(text, allow)

    def policy(key, images, strength, probability=1.0):
        return _apply(chain, strength, probability, key, images)

    return policy


def needs_strength(text: str, *, allow: Collection[str] | None = None) -> bool:
    """True if any op of the policy takes the policy's strength. Raises as `parse`."""
    return any(_takes_policys(part) for part in grammar.parts(grammar.read(text, allow)))


def needs_probability(text: str, *, allow: Collection[str] | None = None) -> bool:
    """True if any `p` of the policy takes the policy's probability. Raises as `parse`."""
    found = grammar.combinations(grammar.read(text, allow))
    return any(one.name == 'p' and one.number is None for one in found)


# Whether a policy takes a number, by the number's name.
NEEDS = {'strength': needs_strength, 'probability': needs_probability}


def paths(text: str) -> list[str]:
    """The ops of a policy that are named by an importable path. Raises as `parse`."""
    return [part.name for part in grammar.parts(grammar.read(text)) if '.' in part.name]


def mixes(text: str, *, allow: Collection[str] | None = None) -> bool:
    """True if any op of the policy mixes the images of a batch. Raises as `parse`.

    `mix` does not: it averages results of one image.
    """
    parts = grammar.parts(grammar.read(text, allow))
    return any(getattr(part.op, 'mixes', False) for part in parts)


def of_colours(text: str, *, allow: Collection[str] | None = None) -> list[str]:
    """The ops of a policy that are for images in [0, 1] alone, and not for an autoencoder's codes.

    An op named by a path counts as its author's word says, and without one as for both.
    Raises as `parse`.
    """
    parts = grammar.parts(grammar.read(text, allow))
    return [part.name for part in parts if not getattr(part.op, 'codes', '.' in part.name)]


def check(
    text: str,
    strength: jax.Array | float,
    probability: jax.Array | float = 1.0,
    *,
    allow: Collection[str] | None = None,
) -> None:
    """Check a policy and the numbers it is to be called with, before anything is compiled.

    Raises:
        ValueError: as `parse`, the strength is out of the range of an op that takes it, or the
            probability is out of [0, 1].
    """
    for part in grammar.parts(grammar.read(text, allow)):
        if part.strength is not None or part.strengths is None:
            continue
        if not part.strengths.holds(float(strength)):
            raise ValueError(
                f"augmentation '{part.name}' of policy '{text}' takes a strength in "
                f'{part.strengths}, got {strength}'
            )
    if not CLOSED.holds(float(probability)):
        raise ValueError(f"policy '{text}' takes a probability in {CLOSED}, got {probability}")


def _takes_policys(part: Part) -> bool:
    return part.strength is None and part.strengths is not None


def _apply(
    chain: Chain, strength: Any, probability: Any, key: jax.Array, images: jax.Array
) -> jax.Array:
    for position, part in enumerate(chain):
        own = named(key, position, part.name)
        if isinstance(part, Combination):
            images = _joined(part, strength, probability, own, images)
            continue
        amount = strength if part.strength is None else part.strength
        with of_part(f"the augmentation '{part.name}'"):
            images = part.op(own, images, amount)
    return images


def _joined(
    joint: Combination, strength: Any, probability: Any, key: jax.Array, images: jax.Array
) -> jax.Array:
    policies = [functools.partial(_apply, chain, strength, probability) for chain in joint.branches]
    if joint.name == 'p':
        likely = probability if joint.number is None else joint.number
        return branches.sometimes(key, images, policies[0], likely)
    if joint.number is not None:
        return branches.n_of(key, images, policies, int(joint.number))
    join = {'one_of': branches.one_of, 'mix': branches.mix}[joint.name]
    return join(key, images, policies)
