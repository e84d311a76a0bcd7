"""The condition of a network: a class as a one-hot vector, or a vector of the data's labels."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import Array

COLLECTION, TABLE = 'labels', 'table'  # of a network's variables: no parameter, never averaged


class LabelTable:
    """Label vectors, float32 [R, K], as an attribute of a network; equal to itself alone."""

    def __init__(self, vectors: np.ndarray):
        """`vectors`: [R, K]."""
        self.vectors = np.asarray(vectors, np.float32)


def condition(network: nn.Module, label: Array, dtype: Any) -> Array | None:
    """The condition of each image, [N, K]; None of an unconditional network.

    Args:
        network: with fields `num_classes`, `label_size` and `table`, in whose scope this is called.
        label: the class of each image, or its row of the table, [N].
        dtype: of the condition.

    Raises:
        ValueError: the network has a size of vectors and no table of that size.
    """
    if network.label_size:
        return _table(network).astype(dtype)[label]
    if network.num_classes:
        return jax.nn.one_hot(label, network.num_classes, dtype=dtype)
    return None


def _table(network: nn.Module) -> Array:
    vectors = np.zeros((0, 0), np.float32) if network.table is None else network.table.vectors
    if vectors.shape[1] != network.label_size:
        raise ValueError(
            f'label_size is {network.label_size}, and the label vectors of the data have '
            f'{vectors.shape[1]} numbers: change label_size, or give data with such labels'
        )
    return network.variable(COLLECTION, TABLE, jnp.asarray, vectors).value
