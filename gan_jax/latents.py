"""Distributions of the generator's latents.

`config.latent` names the factory of one by its path. Training, evaluation, samples and standing
statistics draw from it: in training a batch with one key, elsewhere each latent by its index. A
latent may hold a condition that generated and real images share: it then says what real images go
with.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, NoReturn

import jax

from gan_jax.runtime import shapes
from gan_jax.runtime.errors import of_part
from gan_jax.runtime.ranges import POSITIVE


def _unfit(key: jax.Array, size: int, dim: int) -> NoReturn:
    raise ValueError('it is made of the training images, which are not given')


def _nothing(z: jax.Array) -> dict[str, jax.Array]:
    return {}


class Latent(NamedTuple):
    """A distribution of latents.

    Attributes:
        draw: (key, size, dim) -> z [size, dim], JAX's float. Its rows are independent draws; it is
            traced, and may read arrays that its factory keeps.
        within: threshold -> the distribution with every number within ± threshold, for
            `sample --truncation`; None if it has no tails to cut off.
        gives: z [B, Z] -> entries [B, ...] by name, which the records of generated images get
            beside 'z' for the discriminator to read: a condition within z.
        reals: (bits `np.random.Philox`, rows int32 [k, B]) -> (rows [k, B], entries [k, B, ...] by
            name), in NumPy, on the host, before each step: the images that stand in for the batch's
            images, and what their records get. None leaves the batch as it is.
        fit: `data.dataset.Training` -> the distribution, for one that is made of the training
            images; what such a factory returns has nothing else.
    """

    draw: Callable[[jax.Array, int, int], jax.Array] = _unfit
    within: 'Callable[[float], Latent] | None' = None
    gives: Callable[[jax.Array], Mapping[str, jax.Array]] = _nothing
    reals: Callable[[Any, Any], tuple[Any, Mapping[str, Any]]] | None = None
    fit: 'Callable[[Any], Latent] | None' = None


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


def entries_of(latent: Latent, z: jax.Array) -> Mapping[str, jax.Array]:
    """The entries that records get of their latents z, [B, Z].

    Raises:
        PartError: the distribution fails, or gives no dict of arrays [B, ...].
    """
    with of_part('config.latent'):
        return shapes.arrays('what it gives', latent.gives(z), len(z))
