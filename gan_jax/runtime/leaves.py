"""The leaves of a tree by name: their forms, and digests that prove every byte."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.runtime.errors import DATA, UserError


def named_leaves(tree: Any) -> dict[str, np.ndarray]:
    """Every leaf of a tree on the host, by its path: 'g/params/Dense_0/kernel'."""
    return {name: np.asarray(leaf) for name, leaf in by_name(tree).items()}


def digests(tree: Any) -> dict[str, str]:
    """For each leaf '<dtype> <shape> <SHA-256 of its bytes>'."""
    return {
        name: f'{form(leaf)} {hashlib.sha256(np.ascontiguousarray(leaf).tobytes()).hexdigest()}'
        for name, leaf in named_leaves(tree).items()
    }


def check_leaves(
    folder: Path, step: int, saved: Mapping[str, str], expected: Mapping[str, Any]
) -> None:
    """Raises UserError (65) unless two sets of leaves have the same names, types and shapes.

    Orbax would silently cast a leaf of another dtype.

    Args:
        folder: of the checkpoint.
        step: of the checkpoint.
        saved: the forms of the leaves, by name.
        expected: arrays or `jax.ShapeDtypeStruct`s, by name.
    """
    for name in sorted(saved.keys() | expected.keys()):
        mine = form(expected[name]) if name in expected else 'absent'
        theirs = saved.get(name, 'absent')
        if mine != theirs:
            raise UserError(
                f'step {step} in {folder} does not fit this code: {name} is {theirs} there and '
                f'{mine} here; use the version of the code that wrote it, or another --workdir',
                DATA,
            )


def checked_tree(folder: Path, step: int, leaves: Mapping[str, Any], like: Any) -> Any:
    """The `tree_of` leaves of a checkpoint, after `check_leaves`."""
    check_leaves(folder, step, {n: form(leaf) for n, leaf in leaves.items()}, by_name(like))
    return tree_of(leaves, like)


def tree_of(leaves: Mapping[str, Any], like: Any) -> Any:
    """The tree of leaves by name, the inverse of `by_name`.

    By a tree and not by the names alone: the name of a collection may have a '/'.

    Args:
        leaves: all that the tree has, and perhaps others.
        like: a tree of the same form, of anything.
    """
    return jax.tree.unflatten(jax.tree.structure(like), [leaves[name] for name in by_name(like)])


def by_name(tree: Any) -> dict[str, Any]:
    """Every leaf of a tree as it is, by its path: 'g/params/Dense_0/kernel'."""
    return {leaf_name(path): leaf for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]}


def leaf_name(path: tuple) -> str:
    """The name of a leaf by its path in JAX: 'g/params/Dense_0/kernel'."""
    return jax.tree_util.keystr(path, simple=True, separator='/')


def form(leaf: Any) -> str:
    """The type and shape of an array or a `jax.ShapeDtypeStruct`: 'float32 [3, 3, 64, 64]'."""
    return f'{np.dtype(leaf.dtype).name} {list(leaf.shape)}'


def form_of(digest: str) -> str:
    """The form in an entry of `digests`."""
    return digest.rsplit(' ', 1)[0]


def struct_of(form: str) -> jax.ShapeDtypeStruct:
    """The array that a form describes."""
    dtype, shape = form.split(' ', 1)
    return jax.ShapeDtypeStruct(json.loads(shape), jnp.dtype(dtype))
