"""StyleGAN3's input: waves over the plane, which w turns and shifts (section 3.2, appendix F)."""

import math

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import Array

from gan_jax.models.stylegan2.equalised import EqualDense
from gan_jax.models.stylegan3.bands import Band


class Waves(nn.Module):
    """Waves sin 2π(f·R(x - t) + φ) at each place x of a map, then a dense layer without a bias.

    A dense layer of w gives R = [[c, -s], [s, c]] and t: its four numbers over the length of the
    first two are c, s, and t along a row and a column, in sides of the image. At first every w
    gives the identity.

    Attributes:
        band: of the map.
    """

    band: Band

    @nn.compact
    def __call__(self, w: Array, shift: Array) -> Array:
        """The map [N, side, side, channels] from w [N, W].

        Args:
            w: [N, W].
            shift: [N, 2], added to t.
        """
        numbers = self._transform(w)
        cosine, sine = (numbers[:, i : i + 1] for i in (0, 1))  # [N, 1]
        t = numbers[:, 2:] + shift
        frequencies, phases = (jnp.asarray(x, w.dtype) for x in waves(self.band))
        along, down = frequencies[None, :, 0], frequencies[None, :, 1]
        along, down = along * cosine + down * sine, down * cosine - along * sine  # [N, C]
        place = jnp.asarray(places(self.band), w.dtype)[None]  # [1, side]
        columns = (place - t[:, :1])[:, :, None] * along[:, None]  # [N, side, C]
        rows = (place - t[:, 1:])[:, :, None] * down[:, None] + phases[None, None]
        x = jnp.sin(2 * math.pi * (columns[:, None] + rows[:, :, None]))
        return EqualDense(self.band.channels, bias=None, name='dense')(x)

    def _transform(self, w: Array) -> Array:
        """c, s and t, [N, 4]."""
        zeros, size = nn.initializers.zeros_init(), w.shape[-1]
        kernel = self.param('kernel', zeros, (size, 4), jnp.float32)
        bias = self.param('bias', _identity, (4,), jnp.float32)
        numbers = w @ (kernel / math.sqrt(size)).astype(w.dtype) + bias.astype(w.dtype)[None]
        return numbers / jnp.sqrt((numbers[:, :2] ** 2).sum(1, keepdims=True))


def _identity(key: Array, shape: tuple[int, ...], dtype) -> Array:
    del key, shape
    return jnp.asarray([1, 0, 0, 0], dtype)


def waves(band: Band) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies [C, 2], even over the disc of the cutoff's radius, and phases [C] in ±½.

    The published code draws both once, and keeps them beside the weights. These are the places of
    a sunflower's seeds and multiples of √2: no random numbers, so nothing has to be kept.
    """
    index = np.arange(band.channels)
    radius = band.cutoff * np.sqrt((index + 0.5) / band.channels)
    angle = index * math.pi * (3 - math.sqrt(5))
    frequencies = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return frequencies, (index * math.sqrt(2)) % 1 - 0.5


def places(band: Band) -> np.ndarray:
    """The samples' places along an axis, [side], in sides of the image; 0 is its middle."""
    return (np.arange(band.side) + 0.5 - band.side / 2) / band.rate
