"""Random draws, a fresh one for each image of a batch."""

from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

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


def pixels(key: jax.Array, images: jax.Array) -> jax.Array:
    """Independent draws from U(0, 1) of the images' shape and dtype; drawn in float32 as well."""
    return jax.random.uniform(key, images.shape, jnp.float32).astype(images.dtype)


def fields(key: jax.Array, images: jax.Array, count: int) -> jax.Array:
    """Independent draws from N(0, 1) for the pixels of images: [count, B, H, W]; as `normal`."""
    shape = (count, *images.shape[:3])
    return jax.random.normal(key, shape, jnp.float32).astype(images.dtype)


def spacings(draw: jax.Array) -> jax.Array:
    """Weights ~ Dirichlet(1, ..., 1), [n, B], of n - 1 draws from U(0, 1), [n - 1, B].

    They are the lengths into which the draws cut [0, 1]. Draws in float32 are multiples of 2^-23,
    so the weights sum to 1 without rounding, and a mixture of white images is white.
    """
    cuts = jnp.sort(draw, axis=0)
    return jnp.diff(cuts, axis=0, prepend=cuts.dtype.type(0), append=cuts.dtype.type(1))


def ranks(draw: jax.Array) -> jax.Array:
    """The places of n draws, [n, B], in their order for each image: int32 [n, B], 0 to n - 1.

    Every order is as likely as another; of equal draws the first is the smaller. All pairs are
    compared: for some dozens of draws that is one loop, where a sort is a call.
    """
    first = np.tri(len(draw), k=-1, dtype=bool)[:, :, None]  # [i, j]: j comes before i
    smaller = (draw[None] < draw[:, None]) | ((draw[None] == draw[:, None]) & first)
    return jnp.sum(smaller, axis=1, dtype=jnp.int32)


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
