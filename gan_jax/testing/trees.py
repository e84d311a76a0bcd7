"""Trees of arrays: equality, inner products, and slopes along directions."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np


def distance(a: Any, b: Any) -> float:
    """The largest difference between two trees of one structure."""
    assert jax.tree.structure(a) == jax.tree.structure(b)
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return max((float(np.max(np.abs(np.asarray(x) - y))) for x, y in leaves), default=0.0)


def same(a: Any, b: Any) -> bool:
    """True if two trees are equal in structure and in every bit."""
    if jax.tree.structure(a) != jax.tree.structure(b):
        return False
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in leaves)


def inner(a: Any, b: Any) -> float:
    """The inner product of two trees of one structure."""
    return sum(jax.tree.leaves(jax.tree.map(lambda x, y: float(np.sum(x * y)), a, b)))


def directions(tree: Any, seed: int = 1) -> Iterator[tuple[str, Any]]:
    """For each leaf of the tree: its path, and a tree with a random direction in it alone."""
    rng = np.random.default_rng(seed)
    for path, _ in jax.tree_util.tree_leaves_with_path(tree):
        aside = jax.tree_util.tree_map_with_path(
            lambda p, x, path=path: rng.standard_normal(x.shape) * (p == path), tree
        )
        yield jax.tree_util.keystr(path), aside


def central_difference(value: Callable[[Any], Any], at: Any, direction: Any, step: float) -> Any:
    """The slope of `value` at `at` along `direction`, both trees."""
    up, down = (
        value(jax.tree.map(lambda x, v, s=s: x + s * v, at, direction)) for s in (step, -step)
    )
    return (up - down) / (2 * step)
