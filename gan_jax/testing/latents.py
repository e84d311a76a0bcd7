"""The contract of a distribution of latents, tried on a few draws."""

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.latents import Latent, draw_by_index, draw_latents
from gan_jax.runtime.errors import PartError
from gan_jax.testing.require import require

SIZE, THRESHOLD = 6, 0.5


def check_latent(latent: Latent, *, dim: int = 16) -> None:
    """Raises unless a distribution can stand in `config.latent`.

    A batch is float32 [size, dim], finite, also under jit, and one by one under vmap, as latents
    are drawn by index; equal keys give equal latents, another key gives others, and not all latents
    of a batch are one; with `within` every number keeps to its threshold.

    Args:
        latent: from its factory.
        dim: numbers of a latent, one that the distribution can draw.

    Raises:
        AssertionError: one sentence about the first promise that is broken.
    """
    try:
        batch, again, other = (np.asarray(_batch(latent, seed, dim)) for seed in (0, 0, 1))
        by_index = np.asarray(_by_index(latent, dim))
    except PartError as error:
        raise AssertionError(str(error)) from error
    require(batch.dtype == np.float32, f'it draws {batch.dtype} where float32 is wanted')
    finite = np.isfinite(batch).all() and np.isfinite(by_index).all()
    require(bool(finite), 'what it draws is not finite')
    require(np.array_equal(batch, again), 'it draws other latents with an equal key')
    require(not np.array_equal(batch, other), 'it draws equal latents with two keys')
    for z in (batch, by_index):
        require(bool((z != z[:1]).any()), 'it draws one latent again and again')
    if latent.within is not None:
        most = float(np.abs(_batch(latent.within(THRESHOLD), 0, dim)).max())
        require(most <= THRESHOLD, f'within({THRESHOLD}) draws a number of {most:.3g}')


def _batch(latent: Latent, seed: int, dim: int) -> jax.Array:
    return jax.jit(lambda key: draw_latents(latent, key, SIZE, dim))(jax.random.key(seed))


def _by_index(latent: Latent, dim: int) -> jax.Array:
    return draw_by_index(latent, jax.random.key(0), jnp.arange(SIZE), dim)
