"""Networks that a few lines of NumPy are, for transcriptions of whole steps."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.keys import named
from tests import small


class Generator(nn.Module):
    """tanh of a product, in (0, 1)."""

    @nn.compact
    def __call__(self, z, label, *, train):
        x = nn.Dense(np.prod(small.SHAPE), use_bias=False, name='w')(z)
        return (jnp.tanh(x).reshape(-1, *small.SHAPE) + 1) / 2


class Flat(nn.Module):
    """The pixels in [-1, 1]."""

    @nn.compact
    def __call__(self, image, *, train):
        return (2 * image - 1).reshape(len(image), -1)


def keys(number, d_steps):
    """The keys of the updates of D, and of G, in the step of that number at seed 0."""
    key = named(jax.random.key(0), 'step', number)
    return [*(named(key, 'd', i) for i in range(d_steps)), named(key, 'g')]


def latents(number, d_steps):
    """Likewise their z, [B, Z] each."""
    shape = (small.BATCH, small.LATENT)
    drawn = (jax.random.normal(named(key, 'z'), shape) for key in keys(number, d_steps))
    return [np.asarray(z) for z in drawn]
