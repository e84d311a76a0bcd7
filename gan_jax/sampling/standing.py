"""Standing statistics: BatchNorm's means and variances of many batches, for drawing samples.

The moving averages of training follow a network that changes; those of many batches of the network
as it is are what BigGAN is sampled with (Brock et al. 2018, arXiv 1809.11096).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import flax.linen as nn
import flax.traverse_util
import jax
import jax.numpy as jnp

NORM = ('mean', 'var')  # what BatchNorm calls its statistics; spectral norm's are others
FAR = 2.0**20

Batches = Iterable[tuple[jax.Array, jax.Array]]


def make_standing(generator: nn.Module) -> Callable[[Any, Batches], Any]:
    """A function that puts the mean statistics of some batches in place of the moving ones.

    Args:
        generator: (z [B, Z], label [B], train) -> images [B, H, W, C].

    Returns:
        (variables, batches) -> the variables, as they are where there is no BatchNorm. The batches
        are (z [B, Z], label [B]) each, at least one, all of one size.
    """

    @jax.jit
    def after(variables, value, z, label):
        """BatchNorm's statistics after a batch that found them at `value`."""
        flat = flax.traverse_util.flatten_dict(variables)
        before = flat | {path: jnp.full_like(flat[path], value) for path in _norms(flat)}
        moved = [name for name in variables if name != 'params']
        _, stats = generator.apply(
            flax.traverse_util.unflatten_dict(before), z, label, train=True, mutable=moved
        )
        found = flax.traverse_util.flatten_dict(stats)
        return {path: found[path] for path in _norms(flat)}

    def standing(variables, batches):
        flat = flax.traverse_util.flatten_dict(variables)
        if not _norms(flat):
            return variables
        # A layer moves its statistics to m * old + (1 - m) * those of the batch, and tells nobody
        # m. Without an old value they are 1 - m times the batch's; one far away shows m.
        total, count, momentum = None, 0, None
        for z, label in batches:
            seen = after(variables, 0.0, z, label)
            if total is None:
                far = after(variables, FAR, z, label)
                momentum = jax.tree.map(lambda x, y: (x - y) / FAR, far, seen)
            total = seen if total is None else jax.tree.map(jnp.add, total, seen)
            count += 1
        means = jax.tree.map(lambda s, m: s / (1 - m) / count, total, momentum)
        return flax.traverse_util.unflatten_dict({**flat, **means})

    return standing


def has_batch_norm(variables: Mapping[str, Any]) -> bool:
    """True where there are statistics of BatchNorm among a network's variables."""
    return bool(_norms(flax.traverse_util.flatten_dict(variables)))


def _norms(flat: Mapping[tuple[str, ...], Any]) -> list[tuple[str, ...]]:
    return [path for path in flat if path[0] != 'params' and path[-1] in NORM]
