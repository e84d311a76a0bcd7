"""Numbers that change during a run: a schedule takes the place of a number in `Hyper`.

Functions like `linear` make curves, count -> value; so do optax's schedules and a fork's own.
"""

import json
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import jax
import jax.numpy as jnp
from flax import struct

from gan_jax.runtime.ranges import POSITIVE

Curve = Callable[[Any], Any]  # count, f32 [] -> value, []
Length = Annotated[float, POSITIVE]  # in units of the schedule's block
Tree = TypeVar('Tree')


class Schedule(struct.PyTreeNode):
    """A number of the config as a function of the step.

    Its own numbers are data of the compiled step, as all of `Hyper`: runs that differ in them share
    a program.

    Attributes:
        numbers: keywords of `make` that are data, f32 [] each.
        per_step: units of the count in one step, f32 [].
        name: key of the config, for the log.
        make: the maker of the curve.
        fixed: the other keywords of `make`, as JSON.
    """

    numbers: dict[str, Any]
    per_step: Any
    name: str = struct.field(pytree_node=False)
    make: Callable[..., Curve] = struct.field(pytree_node=False)
    fixed: str = struct.field(pytree_node=False, default='{}')

    def at(self, step: jax.Array) -> jax.Array:
        """The value in a step, f32 []; the first step is 0."""
        curve = self.make(**json.loads(self.fixed), **self.numbers)
        return jnp.asarray(curve(step.astype(jnp.float32) * self.per_step))


def linear(start: float, end: float, *, over: Length = 1.0, begin: float = 0.0) -> Curve:
    """From `start` to `end` in a straight line, and constant before and after.

    Args:
        start: value up to `begin`.
        end: value from `begin + over` on.
        over: length of the line, above 0.
        begin: the count at which the line begins.
    """
    return lambda count: start + (end - start) * _share(count, begin, over)


def cosine(start: float, end: float, *, over: Length = 1.0, begin: float = 0.0) -> Curve:
    """From `start` to `end` along half a cosine, with the arguments of `linear`.

    v(t) = start + (1 - cos(pi t / T)) / 2 * (end - start) for t up to T, as in R3GAN's code (Huang
    et al. 2025, arXiv 2501.05441).
    """
    return lambda count: (
        start + (end - start) * (1 - jnp.cos(jnp.pi * _share(count, begin, over))) / 2
    )


def cosine_root(start: float, end: float, *, over: Length = 1.0) -> Curve:
    """`cosine` up to `over`, then down from `end` with the root of the count.

    v(t) = cosine(t) / sqrt(max(t / T, 1)), the learning rate of R3GAN2 beyond CIFAR-10.
    """
    along = cosine(start, end, over=over)
    return lambda count: along(count) / jnp.sqrt(jnp.maximum(count / over, 1))


def inverse_root(peak: float, *, ramp: Length = 1.0, over: Length = 1.0) -> Curve:
    """From 0 to `peak` in a straight line, and from `over` on down with the root of the count.

    v(t) = peak min(t / ramp, 1) / sqrt(max(t / over, 1)): the learning rate of EDM2 (Karras et al.
    2023, arXiv 2312.02696), and of R3GAN2 on CIFAR-10.

    Args:
        peak: the value between the two, or its bound where they overlap.
        ramp: the count at which the line ends.
        over: the count from which the value falls.
    """
    return lambda count: (
        peak * jnp.minimum(count / ramp, 1) / jnp.sqrt(jnp.maximum(count / over, 1))
    )


def is_schedule(value: Any) -> bool:
    """True for a `Schedule`; a leaf test for `jax.tree`."""
    return isinstance(value, Schedule)


def values_at(numbers: Tree, step: jax.Array) -> tuple[Tree, dict[str, jax.Array]]:
    """A tree with the value of each schedule in its place, and these values by name.

    Args:
        numbers: a tree, such as `Hyper`, with schedules among its leaves.
        step: int32 [].
    """
    values: dict[str, jax.Array] = {}

    def settle(leaf: Any) -> Any:
        if not is_schedule(leaf):
            return leaf
        return values.setdefault(f'schedule/{leaf.name}', leaf.at(step))

    return jax.tree.map(settle, numbers, is_leaf=is_schedule), values


def _share(count: Any, begin: Any, over: Any) -> Any:
    return jnp.clip((count - begin) / over, 0, 1)
