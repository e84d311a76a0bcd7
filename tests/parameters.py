"""Numbers of parameters, to compare with the published networks'."""

from typing import Any

import jax


def count(variables: Any) -> int:
    """All parameters of a network."""
    return sum(leaf.size for leaf in jax.tree.leaves(variables['params']))


def biases_of_blocks(variables: Any) -> int:
    """The biases of a published generator that a BatchNorm after them subtracts; ours has none."""
    layers = [block['conv_0'] for name, block in variables['params'].items() if 'block_' in name]
    assert layers and all('bias' not in layer for layer in layers)
    return sum(layer['kernel'].shape[-1] for layer in layers)
