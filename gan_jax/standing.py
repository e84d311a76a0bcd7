"""Standing statistics: BatchNorm's means and variances of many batches, for drawing samples.

The moving averages of training follow a network that changes; those of many batches of the network
as it is are what BigGAN is sampled with (Brock et al. 2018, arXiv 1809.11096).
"""

from collections.abc import Iterable
from typing import Any

import flax.linen as nn
import flax.traverse_util
import jax
import jax.numpy as jnp

NORM = ('mean', 'var')  # what BatchNorm calls its statistics; spectral norm's are others
FAR = 2.0**20


def standing(
    generator: nn.Module, variables: Any, batches: Iterable[tuple[jax.Array, jax.Array]]
) -> Any:
    """The variables with the mean statistics of some batches in place of the moving ones.

    Args:
        generator: (z [B, Z], label [B], train) -> images [B, H, W, C].
        variables: of the generator; returned as they are where it has no BatchNorm.
        batches: (z [B, Z], label [B]) of each, at least one, all of one size.
    """
    flat = flax.traverse_util.flatten_dict(variables)
    norms = [path for path in flat if path[0] != 'params' and path[-1] in NORM]
    if not norms:
        return variables
    moved = [name for name in variables if name != 'params']

    @jax.jit
    def after(value, z, label):
        """BatchNorm's statistics after a batch that found them at `value`."""
        before = {**flat, **{path: jnp.full_like(flat[path], value) for path in norms}}
        _, stats = generator.apply(
            flax.traverse_util.unflatten_dict(before), z, label, train=True, mutable=moved
        )
        found = flax.traverse_util.flatten_dict(stats)
        return {path: found[path] for path in norms}

    # A layer moves its statistics to m * old + (1 - m) * those of the batch, and tells nobody m.
    # Without an old value they are 1 - m times the batch's; one far away shows m.
    total, count, momentum = None, 0, None
    for z, label in batches:
        seen = after(0.0, z, label)
        if momentum is None:
            momentum = jax.tree.map(
                lambda far, near: (far - near) / FAR, after(FAR, z, label), seen
            )
        total = seen if total is None else jax.tree.map(jnp.add, total, seen)
        count += 1
    means = jax.tree.map(lambda s, m: s / (1 - m) / count, total, momentum)
    return flax.traverse_util.unflatten_dict({**flat, **means})
