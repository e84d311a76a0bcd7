"""A generator with noise and an intermediate latent w."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.runtime.ranges import Units


class Generator(nn.Module):
    """Two layers from w and noise to an image.

    Attributes:
        shape: (H, W, C) of an image.
        width: numbers of w.
        dtype: of the arithmetic.
    """

    shape: tuple[int, int, int]
    width: Units = 8
    dtype: Any = jnp.float32

    def setup(self):
        height, width, channels = self.shape
        self.mapping = nn.Dense(self.width, dtype=self.dtype)
        self.body = nn.Dense(height * width * channels, dtype=self.dtype)

    def __call__(self, z: jax.Array, label: jax.Array, *, train: bool) -> dict[str, jax.Array]:
        w = nn.tanh(self.mapping(z))
        return {**self.synthesize(w, label, train=train), 'w': w}

    def synthesize(self, w: jax.Array, label: jax.Array, *, train: bool) -> dict[str, jax.Array]:
        noise = jax.random.normal(self.make_rng('noise'), w.shape, w.dtype)
        image = nn.sigmoid(self.body(w + noise / 10)).astype(jnp.float32)
        return {'image': image.reshape(-1, *self.shape)}
