"""Digits with networks of a layer or two, for runs in tests: seconds for a dozen of them."""

import math
import runpy
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

SHIPPED = Path(__file__).parents[2] / 'configs' / 'digits.py'


class Generator(nn.Module):
    """z [B, Z] -> images [B, H, W, C] in (0, 1)."""

    shape: tuple[int, int, int]
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z, label, *, train):
        x = nn.Dense(math.prod(self.shape), dtype=self.dtype)(z)
        return nn.sigmoid(4 * x).reshape(-1, *self.shape)


class Labelled(nn.Module):
    """As `Generator`, with a row of its own for every class."""

    shape: tuple[int, int, int]
    classes: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z, label, *, train):
        x = nn.Dense(math.prod(self.shape))(z) + nn.Embed(self.classes, math.prod(self.shape))(
            label
        )
        return nn.sigmoid(4 * x).reshape(-1, *self.shape)


class Normed(nn.Module):
    """As `Generator`, with a convolution, and BatchNorm's statistics for those who ask for them."""

    shape: tuple[int, int, int]
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z, label, *, train):
        x = nn.BatchNorm(not train)(nn.Dense(math.prod(self.shape))(z))
        return nn.sigmoid(nn.Conv(self.shape[-1], (3, 3))(x.reshape(-1, *self.shape)))


class Spectral(nn.Module):
    """As `Generator`, with spectral normalisation."""

    shape: tuple[int, int, int]
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z, label, *, train):
        x = nn.SpectralNorm(nn.Dense(math.prod(self.shape)))(z, update_stats=train)
        return nn.sigmoid(4 * x).reshape(-1, *self.shape)


class Trunk(nn.Module):
    """Images [N, H, W, C] -> features [N, 8]."""

    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, image, *, train):
        return jnp.tanh(nn.Dense(8, dtype=self.dtype)(image.reshape(len(image), -1)))


def get_config(text=''):
    c = runpy.run_path(str(SHIPPED))['get_config'](text)
    c.steps = 12
    c.batch_size = 8
    c.data.size = 8
    c.latent.dim = 4
    c.generator = dict(fn='tests.sweeps.tiny.Generator')
    c.discriminator = dict(fn='tests.sweeps.tiny.Trunk')
    c.ema.halflife_images = 1.0  # so that what is evaluated is what was trained
    c.evaluate.num = 100
    c.every.update(log=4, sample=100, evaluate=6, full=6, checkpoint=100, snapshot=4)
    c.mesh.data = 1
    c.optim.g.learning_rate = c.optim.d.learning_rate = 0.01
    # Adam makes steps of full length of gradients that are nothing but rounding, as those of the
    # logit's bias are.
    c.optim.d.eps = 1e-3
    return c
