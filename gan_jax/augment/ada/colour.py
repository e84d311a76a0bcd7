"""Brightness, contrast, luma flip, hue and saturation of ADA, as one matrix for each image."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.augment.ada import chance
from gan_jax.augment.resample import EXACT

# Gray is the axis (1, 1, 1)/√3 of the cube of colours. A colour's part along it, the rest, and the
# rest turned by a quarter circle from red towards green.
LUMA = np.full((3, 3), 1 / 3)
CHROMA = np.eye(3) - LUMA
QUARTER = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)


class Colour(NamedTuple):
    """The parameters, each [B], in the order in which they act.

    Attributes:
        brightness: added to every channel.
        contrast: a factor of every channel, about 0, which is mid-gray.
        luma_flip: 1 mirrors luma about 0, 0 does not.
        hue: a turn about the gray axis, in radians.
        saturation: a factor of the distance from the gray axis.
    """

    brightness: jax.Array
    contrast: jax.Array
    luma_flip: jax.Array
    hue: jax.Array
    saturation: jax.Array


NEUTRAL = (0, 1, 0, 0, 1)  # for each field the value that changes nothing
UNIFORMS, NORMALS, GATES = 2, 3, len(NEUTRAL)


def parameters(
    uniforms: jax.Array, normals: jax.Array, gates: jax.Array, probability: jax.Array
) -> Colour:
    """The parameters that come of random numbers.

    Args:
        uniforms: [2, B] from U(0, 1).
        normals: [3, B] from N(0, 1).
        gates: [5, B] from U(0, 1).
        probability: the chance of each transformation, [] in [0, 1].
    """
    flip, turn = uniforms
    brightness, contrast, saturation = normals
    drawn = Colour(
        brightness=0.2 * brightness,
        contrast=jnp.exp2(0.5 * contrast),
        luma_flip=jnp.floor(2 * flip),
        hue=math.pi * (2 * turn - 1),
        saturation=jnp.exp2(saturation),
    )
    return Colour(*chance.chosen(gates, [probability] * GATES, drawn, NEUTRAL))


def matrix(colour: Colour) -> jax.Array:
    """[B, 3, 4]: a colour (red, green, blue, 1) to the new one.

    The steps after brightness keep luma and chroma apart, so they come in any order.
    """
    luma = colour.contrast * (1 - 2 * colour.luma_flip)
    chroma = colour.contrast * colour.saturation
    parts = [luma, chroma * jnp.cos(colour.hue), chroma * jnp.sin(colour.hue)]
    axes = jnp.asarray(np.stack([LUMA, CHROMA, QUARTER]), luma.dtype)
    linear = jnp.einsum('pb,pij->bij', jnp.stack(parts), axes, precision=EXACT)
    added = jnp.broadcast_to((luma * colour.brightness)[:, None, None], (len(luma), 3, 1))
    return jnp.concatenate([linear, added], axis=2)


def recoloured(images: jax.Array, matrix: jax.Array) -> jax.Array:
    """Images [B, H, W, C] with `matrix` applied to every pixel; of one channel, what luma gets.

    Raises:
        ValueError: C is neither 3 nor 1.
    """
    channels = images.shape[3]
    if channels == 1:
        gray = jnp.mean(matrix, axis=1)  # [B, 4]
        factor, added = jnp.sum(gray[:, :3], axis=1), gray[:, 3]
        return images * factor[:, None, None, None] + added[:, None, None, None]
    if channels != 3:
        raise ValueError(f"ADA's colours need images of 3 channels or of 1, got {channels}")
    # As a sum: XLA's compiler for NVIDIA cards refuses the product of matrices at 256 pixels, and
    # with three numbers nothing is gained by one.
    each = matrix[:, None, None]
    return sum((images[..., j, None] * each[..., j] for j in range(3)), each[..., 3])
