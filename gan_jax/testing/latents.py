"""The contract of a distribution of latents, tried on a few draws."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data import sampler
from gan_jax.latents import Latent, draw_by_index, draw_latents, entries_of
from gan_jax.runtime.errors import PartError
from gan_jax.testing.require import require

SIZE, THRESHOLD = 6, 0.5


def check_latent(latent: Latent, *, dim: int = 16, images: int = 64) -> None:
    """Raises unless a distribution can stand in `config.latent`.

    A batch is float32 [size, dim], finite, also under jit, and one by one under vmap, as latents
    are drawn by index; equal keys give equal latents, another key gives others, and not all latents
    of a batch are one; with `within` every number keeps to its threshold. What it `gives` are
    finite arrays; with `reals` equal bits give equal rows, which are images, and real images get
    entries of the names, shapes and types that generated images have.

    Args:
        latent: from its factory, and for one with a `fit` what that returns.
        dim: numbers of a latent, one that the distribution can draw.
        images: how many it takes real images from.

    Raises:
        AssertionError: one sentence about the first promise that is broken.
    """
    try:
        batch, again, other = (np.asarray(_batch(latent, seed, dim)) for seed in (0, 0, 1))
        by_index = np.asarray(_by_index(latent, dim))
        given = jax.device_get(entries_of(latent, jnp.asarray(batch)))
        reals = [sampler.drawn(0, 0, 2, SIZE, images, latent.reals) for _ in range(2)]
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
    _check_entries(given, *reals)


def _check_entries(
    given: Mapping[str, np.ndarray],
    reals: Mapping[str, np.ndarray],
    again: Mapping[str, np.ndarray],
) -> None:
    """Entries of generated images, and of two batches of the same reals."""
    for name, entry in given.items():
        require(bool(np.isfinite(entry).all()), f"what it gives for '{name}' is not finite")
    same = all(np.array_equal(entry, again[name]) for name, entry in reals.items())
    require(same, 'its reals are others with equal bits')
    # An entry [size, ...] of generated images is [2, size, ...] of two batches of reals.
    found = {name: (entry.shape[1:], entry.dtype) for name, entry in reals.items()}
    del found['index']
    wanted = {name: (entry.shape, entry.dtype) for name, entry in given.items()}
    require(found == wanted, f'it gives {_shown(wanted)}, and its reals {_shown(found)}')


def _shown(forms: Mapping[str, tuple[tuple[int, ...], np.dtype]]) -> str:
    words = [f"'{name}' {dtype} {list(shape)}" for name, (shape, dtype) in sorted(forms.items())]
    return ', '.join(words) or 'nothing'


def _batch(latent: Latent, seed: int, dim: int) -> jax.Array:
    return jax.jit(lambda key: draw_latents(latent, key, SIZE, dim))(jax.random.key(seed))


def _by_index(latent: Latent, dim: int) -> jax.Array:
    return draw_by_index(latent, jax.random.key(0), jnp.arange(SIZE), dim)
