"""Distributions of the generator's latents.

`config.latent` names the factory of one by its path. Training, evaluation, samples and standing
statistics draw from it: in training a batch with one key, elsewhere each latent by its index.
"""

from collections.abc import Callable
from typing import Annotated, NamedTuple

import jax

from gan_jax.runtime import shapes
from gan_jax.runtime.errors import of_part
from gan_jax.runtime.ranges import POSITIVE


class Latent(NamedTuple):
    """A distribution of latents.

    Attributes:
        draw: (key, size, dim) -> z [size, dim], JAX's float. Its rows are independent draws; it is
            traced, and may read arrays that its factory keeps.
        within: threshold -> the distribution with every number within ± threshold, for
            `sample --truncation`; None if it has no tails to cut off.
    """

    draw: Callable[[jax.Array, int, int], jax.Array]
    within: 'Callable[[float], Latent] | None' = None


def normal() -> Latent:
    """The standard normal distribution."""
    return Latent(lambda key, size, dim: jax.random.normal(key, (size, dim)), truncated)


def uniform() -> Latent:
    """The uniform distribution on [-1, 1), as in compare_gan and in StudioGAN's LOGAN."""
    return Latent(
        lambda key, size, dim: jax.random.uniform(key, (size, dim), minval=-1.0, maxval=1.0)
    )


def truncated(threshold: Annotated[float, POSITIVE] = 2.0) -> Latent:
    """The standard normal distribution, each number drawn again until it is within ± threshold.

    BigGAN is sampled so (Brock et al. 2018, arXiv 1809.11096, section 3.1). One draw without a loop
    has the same distribution.

    Args:
        threshold: in standard deviations, > 0.
    """

    def draw(key, size, dim):
        return jax.random.truncated_normal(key, -threshold, threshold, (size, dim))

    return Latent(draw, lambda other: truncated(min(threshold, other)))


NORMAL = normal()


def draw_latents(latent: Latent, key: jax.Array, size: int, dim: int) -> jax.Array:
    """A batch of latents, [size, dim].

    Raises:
        PartError: the distribution fails, or draws an array of another shape.
    """
    with of_part('config.latent'):
        return shapes.array('what it draws', latent.draw(key, size, dim), (size, dim))


def draw_by_index(latent: Latent, key: jax.Array, indices: jax.Array, dim: int) -> jax.Array:
    """Latents by index, [n, dim]: row i depends on the key and indices[i], [n], alone."""

    def one(i):
        return draw_latents(latent, jax.random.fold_in(key, i), 1, dim)[0]

    return jax.vmap(one)(indices)
