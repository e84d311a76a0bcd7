"""Noise and cutout of ADA."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from gan_jax.augment import boxes
from gan_jax.augment.ada import chance


class Corruption(NamedTuple):
    """The parameters, each [B].

    Attributes:
        deviation: the standard deviation of the noise.
        size: the sides of the box over the image's; 0 is no box.
    """

    deviation: jax.Array
    size: jax.Array


NEUTRAL = (0, 0)  # for each field the value that changes nothing
GATES = len(NEUTRAL)


def parameters(normal: jax.Array, gates: jax.Array, probability: jax.Array) -> Corruption:
    """The parameters that come of random numbers: [B] from N(0, 1), [2, B] from U(0, 1), and the
    chance of either transformation, [] in [0, 1]."""
    drawn = Corruption(deviation=0.1 * jnp.abs(normal), size=jnp.full_like(normal, 0.5))
    return Corruption(*chance.chosen(gates, [probability] * GATES, drawn, NEUTRAL))


def noisy(images: jax.Array, deviation: jax.Array, noise: jax.Array) -> jax.Array:
    """Images [B, H, W, C] plus noise of the same shape, from N(0, 1), times a deviation [B]."""
    return images + deviation[:, None, None, None] * noise


def cut(images: jax.Array, size: jax.Array, centre: jax.Array) -> jax.Array:
    """Images [B, H, W, C] with a box set to 0, which is mid-gray.

    Args:
        images: [B, H, W, C].
        size: [B], the box's sides over the image's.
        centre: [2, B] in [0, 1], across and down, over the image's sides. The box is cut off at
            the border; a pixel belongs to it if its own centre does.
    """
    across, down = centre
    columns = _within(across, size, images.shape[2])
    return jnp.where(boxes.box(_within(down, size, images.shape[1]), columns), 0, images)


def _within(centre: jax.Array, size: jax.Array, pixels: int) -> jax.Array:
    """The pixels of a side whose centres lie within the box: bool [B, pixels]."""
    places = (jnp.arange(pixels, dtype=centre.dtype) + 0.5) / pixels
    return jnp.abs(places[None] - centre[:, None]) < size[:, None] / 2
