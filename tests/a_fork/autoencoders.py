"""A linear autoencoder of the digits: principal components of patches, and one with faults."""

from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data import digits
from gan_jax.data.autoencoder import Autoencoder
from gan_jax.runtime.ranges import Integer

SIDE = 2  # of a patch


def patches(keep: Annotated[int, Integer(1, 4)] = 3) -> Autoencoder:
    """Codes [n, 8, 8, keep] of digits [n, 16, 16, 1]: the first components of 2×2 patches."""
    images = digits.read_digits('train').images.astype(np.float32) / 255
    vectors = np.asarray(_cut(jnp.asarray(images))).reshape(-1, SIDE * SIDE)
    mean = vectors.mean(0, keepdims=True)[None, None]  # [1, 1, 1, 4]
    _, components = np.linalg.eigh(np.cov(vectors.T))
    basis = components[:, ::-1][:, :keep].astype(np.float32)
    return Autoencoder({'mean': mean, 'basis': basis}, _encode, _decode)


def bytes_of_patches() -> Autoencoder:
    """Codes uint8 [n, 8, 8, 4]: the pixels of 2×2 patches themselves."""

    def encode(variables, images):
        return jnp.round(_cut(images) * 255).astype(jnp.uint8)

    return Autoencoder({}, encode, lambda variables, codes: _joined(codes / 255))


def blind() -> Autoencoder:
    """Codes that are not numbers."""
    return Autoencoder({}, lambda variables, images: _cut(images) / 0, lambda _, c: _joined(c))


def constant() -> Autoencoder:
    """Codes whose last channel is always the same."""

    def encode(variables, images):
        return _cut(images).at[..., -1].set(0.5)

    return Autoencoder({}, encode, lambda variables, codes: _joined(codes))


def small() -> Autoencoder:
    """Decodes to images of another size."""
    return Autoencoder({}, lambda variables, images: _cut(images), lambda variables, codes: codes)


def flat() -> Autoencoder:
    """Codes without places."""
    return Autoencoder({}, lambda variables, images: images.mean((1, 2)), lambda _, codes: codes)


def _encode(variables: Any, images: jax.Array) -> jax.Array:
    return (_cut(images) - variables['mean']) @ variables['basis']


def _decode(variables: Any, codes: jax.Array) -> jax.Array:
    return _joined(codes @ variables['basis'].T + variables['mean'])


def _cut(images: jax.Array) -> jax.Array:
    """[n, 2h, 2w, 1] as [n, h, w, 4]."""
    n, height, width, _ = images.shape
    parts = images.reshape(n, height // SIDE, SIDE, width // SIDE, SIDE)
    return parts.swapaxes(2, 3).reshape(n, height // SIDE, width // SIDE, SIDE * SIDE)


def _joined(parts: jax.Array) -> jax.Array:
    """[n, h, w, 4] as [n, 2h, 2w, 1]."""
    n, height, width, _ = parts.shape
    parts = parts.reshape(n, height, width, SIDE, SIDE).swapaxes(2, 3)
    return parts.reshape(n, height * SIDE, width * SIDE, 1)
