"""Random quantisation of the values of each channel."""

import jax
import jax.numpy as jnp

from gan_jax.augment import draws, operation

REGIONS = 8  # the number for images


@operation.op(operation.CLOSED)
def random_quantisation(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """x + λ·(q(x) - x), where q has 8 random bins for each image and channel; λ in [0, 1].

    The bins divide the range of the channel's values in the image at 7 uniform places; q is one
    uniform value inside each bin. λ = 1 is the paper's; smaller ones are ours. The gradient is
    1 - λ: q is constant within a bin, and none flows through the range. Hence a generator learns
    nothing through λ = 1.

    Source: Wu et al. 2022 (2212.08663), section 3, and its official code for the constants.
    """
    low, high = _bounds(images)
    draw = draws.uniform(key, images, (2 * REGIONS - 1) * images.shape[3])
    draw = jnp.moveaxis(draw.reshape(2 * REGIONS - 1, images.shape[3], -1), 1, 2)  # [15, B, C]
    edges = jnp.sort(draw[: REGIONS - 1], axis=0)
    outer = jnp.zeros_like(edges[:1])
    ends = jnp.concatenate([outer, edges, outer + 1])
    inside = ends[:-1] + draw[REGIONS - 1 :] * (ends[1:] - ends[:-1])
    edges, values = (low + (high - low) * share[:, :, None, None] for share in (edges, inside))
    quantised = values[0]
    for edge, value in zip(edges, values[1:], strict=True):
        quantised = jnp.where(images >= edge, value, quantised)
    return images + strength * (quantised - images)


def _bounds(images: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The least and the greatest value of each channel: two of [1, B, 1, 1, C]."""
    images = jax.lax.stop_gradient(images)
    low, high = (f(images, axis=(1, 2), keepdims=True) for f in (jnp.min, jnp.max))
    return low[None], high[None]
