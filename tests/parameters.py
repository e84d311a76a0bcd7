"""Shapes and numbers of parameters, to compare with the published networks'."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax


def initial(module: nn.Module, *arguments: Any) -> Any:
    """Shapes of what the module starts with in training."""
    return jax.eval_shape(partial(module.init, train=True), jax.random.key(0), *arguments)


def count(variables: Any) -> int:
    """All parameters of a network."""
    return sum(leaf.size for leaf in jax.tree.leaves(variables['params']))


def biases_of_blocks(variables: Any) -> int:
    """The biases of a published generator that a BatchNorm after them subtracts; ours has none."""
    blocks = [block for name, block in variables['params'].items() if 'block_' in name]
    layers = [layer for block in blocks for layer in block.values() if 'kernel' in layer]
    without = [layer['kernel'] for layer in layers if 'bias' not in layer]
    assert without
    return sum(kernel.shape[-1] for kernel in without)
