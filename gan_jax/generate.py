"""Images by index: image i of a seed is the same whatever is asked for beside it."""

from collections.abc import Callable, Iterator
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.keys import named

# One compiled batch for every request: a convolution's rounding depends on its batch.
BATCH = 100


def make_generate(
    generator: nn.Module,
    *,
    latent_dim: int,
    num_classes: int,
    label: int | None = None,
    truncation: float | None = None,
) -> Callable[..., Iterator[np.ndarray]]:
    """A function that yields generated images in batches.

    Args:
        generator: (z [B, Z], label [B], train) -> images [B, H, W, C] in [0, 1].
        latent_dim: Z.
        num_classes: without `label`, image i is of class i mod num_classes.
        label: the class of every image.
        truncation: latents are drawn again until every coordinate lies within this many standard
            deviations (Brock et al. 2018, arXiv 1809.11096, section 3.1); None draws once.

    Returns:
        (variables, seed, count) -> iterator of uint8 [n, H, W, C] with `count` images in all. The
        network runs on one device, in evaluation mode, in a fixed, padded batch.
    """

    def latent(key: jax.Array) -> jax.Array:
        if truncation is None:
            return jax.random.normal(key, (latent_dim,))
        # The distribution of drawing again, without a loop.
        return jax.random.truncated_normal(key, -truncation, truncation, (latent_dim,))

    @jax.jit
    def batch(variables, seed, index):
        key = named(jax.random.key(seed), 'sample')
        z = jax.vmap(lambda i: latent(jax.random.fold_in(key, i)))(index)
        classes = index % num_classes if label is None else jnp.full_like(index, label)
        images = generator.apply(variables, z, classes, train=False)
        return jnp.round(images.astype(jnp.float32) * 255).astype(jnp.uint8)

    def generate(variables: Any, seed: int, count: int) -> Iterator[np.ndarray]:
        variables = jax.device_put(variables, jax.local_devices()[0])
        for first in range(0, count, BATCH):
            index = np.arange(first, first + BATCH, dtype=np.int32)
            images = batch(variables, np.int32(seed), index)
            yield np.asarray(images)[: count - first]

    return generate
