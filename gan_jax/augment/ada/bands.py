"""Image-space filtering of ADA: four bands of frequencies, each louder or quieter."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.augment import resample
from gan_jax.augment.ada import chance, wavelets

BANK = wavelets.bank()  # [4, taps]
POWER = np.array([10, 1, 1, 1]) / 13  # of an image whose spectrum falls as 1/frequency


class Bands(NamedTuple):
    """The amplitude of each band over what it was, each [B], the lowest frequencies first."""

    lowest: jax.Array
    low: jax.Array
    high: jax.Array
    highest: jax.Array


NEUTRAL = (1, 1, 1, 1)  # for each field the value that changes nothing
NORMALS = GATES = len(NEUTRAL)


def parameters(normals: jax.Array, gates: jax.Array, probability: jax.Array) -> Bands:
    """The parameters that come of random numbers: [4, B] from N(0, 1), [4, B] from U(0, 1), and
    the chance of each band, [] in [0, 1]."""
    drawn = Bands(*jnp.exp2(normals))
    return Bands(*chance.chosen(gates, [probability] * GATES, drawn, NEUTRAL))


def gains(bands: Bands) -> jax.Array:
    """[B, 4]: the factor of each band. Each amplitude also divides all bands by what it does to an
    image of spectrum `POWER`, whose variance stays."""
    amplitudes = jnp.stack(bands, axis=1)
    power = 1 + jnp.asarray(POWER, amplitudes.dtype)[None] * (amplitudes**2 - 1)
    return amplitudes / jnp.prod(jnp.sqrt(power), axis=1, keepdims=True)


def filtered(images: jax.Array, gains: jax.Array) -> jax.Array:
    """Images [B, H, W, C] with each band of either axis times its gain; padded by reflection.

    An image narrower than the filter is mirrored as often as needed. ADA refuses one.
    """
    bank = jnp.asarray(BANK, images.dtype)
    kernel = jnp.einsum('bk,kt->bt', gains, bank, precision=resample.EXACT)
    return resample.convolve(images, kernel)
