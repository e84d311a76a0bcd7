"""A network in half precision: bfloat16 inside, float32 what it keeps and returns."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import numpy as np


def check_inside(half: nn.Module, variables: Any, *arguments: Any) -> None:
    """Raises AssertionError unless all convolutions are bfloat16, and all results float32.

    Args:
        half: the network, with the dtype bfloat16.
        variables: arrays, or their shapes.
        *arguments: of a call in training, without `train`.
    """
    run = partial(half.apply, train=True, mutable=['batch_stats'])
    shapes = jax.eval_shape(run, variables, *arguments)
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {np.dtype('float32')}
    text = str(jax.make_jaxpr(run)(variables, *arguments))
    convolutions = [t for t in text.splitlines() if '= conv_general_dilated[' in t]
    assert convolutions
    assert all(':bf16[' in t for t in convolutions)
