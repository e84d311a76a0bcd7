"""Standing statistics: BatchNorm's means and variances averaged over many batches, for sampling.

The moving averages of training lag behind a changing network. BigGAN is sampled with statistics of
the final network, averaged over many batches (Brock et al. 2018, arXiv 1809.11096).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import flax.linen as nn
import flax.traverse_util
import jax
import jax.numpy as jnp

from gan_jax.synthesis import synthesize

NORM = ('mean', 'var')  # names of BatchNorm's statistics; spectral norm uses other names
FAR = 2.0**20

Batches = Iterable[tuple[jax.Array, jax.Array]]


def make_standing(generator: nn.Module) -> Callable[[Any, Batches], Any]:
    """A function that replaces BatchNorm's moving averages by mean statistics over batches.

    Args:
        generator: as `synthesis.synthesize` takes it.

    Returns:
        (variables, batches) -> the variables with standing statistics; unchanged without BatchNorm.
        A batch is (z [B, Z], label [B]); there is at least one, and all have one size.
    """

    @jax.jit
    def after(variables, value, z, label):
        """BatchNorm's statistics after a batch, if all of them were `value` before."""
        flat = flax.traverse_util.flatten_dict(variables)
        before = flat | {path: jnp.full_like(flat[path], value) for path in _norms(flat)}
        whole, key = flax.traverse_util.unflatten_dict(before), jax.random.key(0)
        _, stats = synthesize(generator, whole, z, label, key, train=True)
        found = flax.traverse_util.flatten_dict(stats)
        return {path: found[path] for path in _norms(flat)}

    def standing(variables, batches):
        flat = flax.traverse_util.flatten_dict(variables)
        if not _norms(flat):
            return variables
        # A layer updates its statistics to m * old + (1 - m) * batch, and m cannot be read. From
        # an old value of 0 they become (1 - m) * batch; from a far value the difference gives m.
        total, count, momentum = None, 0, None
        for z, label in batches:
            stats = after(variables, 0.0, z, label)
            if total is None:
                far = after(variables, FAR, z, label)
                momentum = jax.tree.map(lambda x, y: (x - y) / FAR, far, stats)
            total = stats if total is None else jax.tree.map(jnp.add, total, stats)
            count += 1
        means = jax.tree.map(lambda s, m: s / (1 - m) / count, total, momentum)
        return flax.traverse_util.unflatten_dict({**flat, **means})

    return standing


def has_batch_norm(variables: Mapping[str, Any]) -> bool:
    """True if a network's variables include statistics of BatchNorm."""
    return bool(_norms(flax.traverse_util.flatten_dict(variables)))


def _norms(flat: Mapping[tuple[str, ...], Any]) -> list[tuple[str, ...]]:
    return [path for path in flat if path[0] != 'params' and path[-1] in NORM]
