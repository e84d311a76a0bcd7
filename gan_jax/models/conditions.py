"""The condition of a network: a class as a one-hot vector, or a vector of the data's labels."""

import hashlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import Array

# Of a network's variables: no parameter, never averaged.
COLLECTION, TABLE = 'label_vectors', 'table'


class LabelTable:
    """Label vectors, float32 [R, K], as an attribute of a network; equal if the vectors are.

    Attributes:
        shape: (R, K).
        vectors: [R, K]; None where the variables come with them, from a checkpoint.
    """

    def __init__(self, shape: tuple[int, int], vectors: np.ndarray | None = None):
        """The attributes; without vectors, first variables have zeros."""
        self.shape = shape
        self.vectors = None if vectors is None else np.asarray(vectors, np.float32)
        content = b'' if vectors is None else self.vectors.tobytes()
        self._identity = shape, hashlib.sha256(content).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LabelTable) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def first(self) -> Array:
        """The vectors that a network begins with, float32 [R, K]."""
        return jnp.zeros(self.shape) if self.vectors is None else jnp.asarray(self.vectors)


def table_of(vectors: np.ndarray) -> LabelTable:
    """The table of label vectors [R, K]."""
    return LabelTable(vectors.shape, vectors)


def condition(network: nn.Module, label: Array, dtype: Any) -> Array | None:
    """The condition of each image, [N, K]; None of an unconditional network.

    Args:
        network: with fields `num_classes`, `label_size` and `label_table`, in whose scope this is
            called.
        label: the class of each image, or its row of the table, [N].
        dtype: of the condition.

    Raises:
        ValueError: the network has a size of vectors and no table of that size.
    """
    if network.label_size:
        return jnp.asarray(_table(network), dtype)[label]
    if network.num_classes:
        return jax.nn.one_hot(label, network.num_classes, dtype=dtype)
    return None


def exchanged(variables: Mapping[str, Any], vectors: np.ndarray) -> dict[str, Any]:
    """The variables of a network with other vectors, [R, K], if it has some.

    Args:
        variables: of a network.
        vectors: with as many numbers as its own; there may be more or fewer of them.
    """
    own = variables.get(COLLECTION, {})
    return {**variables, COLLECTION: jax.tree.map(lambda _: vectors, own)} if own else variables


def _table(network: nn.Module) -> Array:
    table = network.label_table
    size = table.shape[1] if table else 0
    if size != network.label_size:
        raise ValueError(
            f'label_size is {network.label_size}, and the label vectors of the data have '
            f'{size} numbers: change label_size, or give data with such labels'
        )
    return network.variable(COLLECTION, TABLE, table.first).value
