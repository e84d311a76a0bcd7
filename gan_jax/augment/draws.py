"""Random draws, a fresh one for each image of a batch."""

from typing import TypeVar

import jax
import jax.numpy as jnp

Images = TypeVar('Images')  # [B, ...], or a list of such arrays


def uniform(key: jax.Array, images: jax.Array, count: int) -> jax.Array:
    """Independent draws from U(0, 1) for images [B, ...]: [count, B], of the images' dtype.

    They are drawn in float32 whatever that dtype is, so that a float64 run has the same
    augmentations. Ask once for all draws of an op: each call of the generator takes time to
    compile.
    """
    return jax.random.uniform(key, (count, images.shape[0]), jnp.float32).astype(images.dtype)


def signed(key: jax.Array, images: jax.Array, count: int) -> jax.Array:
    """As `uniform`, from U(-1, 1)."""
    return 2 * uniform(key, images, count) - 1


def gaussian(key: jax.Array, images: jax.Array, count: int) -> jax.Array:
    """As `uniform`, from N(0, 1)."""
    return jax.random.normal(key, (count, images.shape[0]), jnp.float32).astype(images.dtype)


def normal(key: jax.Array, images: jax.Array) -> jax.Array:
    """Independent draws from N(0, 1) of the images' shape and dtype; drawn in float32 as well."""
    return jax.random.normal(key, images.shape, jnp.float32).astype(images.dtype)


def randint_of(draw: jax.Array, low: jax.Array | float, high: jax.Array | float) -> jax.Array:
    """A draw from U(0, 1) as a whole number from low to high, each of them equally likely.

    All are floats of one shape, or scalars; `low` and `high` are whole numbers.
    """
    return low + jnp.floor(draw * (high - low + 1))


def with_probability(
    key: jax.Array, probability: jax.typing.ArrayLike, changed: Images, images: Images
) -> Images:
    """Each image, independently, from `changed` with the given probability, else unchanged."""
    (draw,) = uniform(key, jax.tree.leaves(images)[0], 1)

    def choose(new, old):
        return jnp.where(draw.reshape(-1, *[1] * (old.ndim - 1)) < probability, new, old)

    return jax.tree.map(choose, changed, images)
