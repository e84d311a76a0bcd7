"""Ops that change brightness and colour.

All clip to [0, 1] and have no gradient where they clip. Redness, greenness, blueness, saturation,
hue and grayscale have a meaning for red, green and blue only: they return images with any other
number of channels unchanged.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gan_jax.augment import colour, draws, operation

HALF = operation.Range(0.0, 0.5)  # half a turn either way is every hue


@operation.op(operation.CLOSED)
def brightness(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """α ~ U(-λ, λ) added to all channels; λ in [0, 1]."""
    (amount,) = strength * draws.signed(key, images, 1)
    return colour.clip(images + amount[:, None, None, None])


@operation.op(operation.CLOSED)
def redness(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """α ~ U(-λ, λ) added to the red channel; λ in [0, 1]."""
    return _tinted(key, images, strength, 0)


@operation.op(operation.CLOSED)
def greenness(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """α ~ U(-λ, λ) added to the green channel; λ in [0, 1]."""
    return _tinted(key, images, strength, 1)


@operation.op(operation.CLOSED)
def blueness(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """α ~ U(-λ, λ) added to the blue channel; λ in [0, 1]."""
    return _tinted(key, images, strength, 2)


@operation.op(operation.CLOSED)
def contrast(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """Each pixel's distance from its channel's mean over the image, times U(1-λ, 1+λ).

    λ in [0, 1].
    """
    return _recoloured(colour.contrast, key, images, strength, 1)


@operation.op(operation.CLOSED)
def saturation(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """The distance of each pixel from its gray, times U(1-λ, 1+λ); λ in [0, 1]."""
    return _recoloured(colour.saturation, key, images, strength, 1)


@operation.op(HALF)
def hue(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """Hue turned by U(-λ, λ) of the full circle; λ in [0, 1/2]. `colour.hue` is the change."""
    return _recoloured(colour.hue, key, images, strength, 0)


@operation.op(operation.CLOSED)
def grayscale(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """Luma in all three channels with probability λ in [0, 1]; SimCLR's is 0.2."""
    channels = colour.split(images)
    return colour.merge(draws.with_probability(key, strength, colour.grayscale(channels), channels))


def _tinted(key: jax.Array, images: jax.Array, strength: jax.Array, channel: int) -> jax.Array:
    if images.shape[3] != 3:
        return images
    (amount,) = strength * draws.signed(key, images, 1)
    tint = jnp.outer(amount, jax.nn.one_hot(channel, 3))  # [B, 3]
    return colour.clip(images + tint[:, None, None])


def _recoloured(
    change: Callable, key: jax.Array, images: jax.Array, strength: jax.Array, neutral: float
) -> jax.Array:
    """Images changed by amounts ~ U(neutral - λ, neutral + λ)."""
    (amount,) = neutral + strength * draws.signed(key, images, 1)
    changed = colour.clip(colour.merge(change(colour.split(images), amount)))
    return jnp.where(strength == 0, images, changed)  # a change by the neutral amount rounds
