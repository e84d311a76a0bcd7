"""Boxes of whole pixels as masks."""

import jax
import jax.numpy as jnp

from gan_jax.augment import draws


def inner(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """Boxes of αH × αW, α ~ U(0, λ), anywhere inside the image.

    Whole pixels, round(α·H) by round(α·W); every place is as likely as another.

    Returns:
        bool [B, H, W, 1], True inside the box.
    """
    amount, *places = draws.uniform(key, images, 3)
    stretches = []
    for size, place in zip(images.shape[1:3], places, strict=True):
        length = jnp.round(strength * amount * size)
        stretches.append(stretch(draws.randint_of(place, 0, size - length), length, size))
    return box(*stretches)


def stretch(start: jax.Array, length: jax.typing.ArrayLike, size: int) -> jax.Array:
    """A mask of the pixels in [start, start + length), cut off at the image's border.

    Args:
        start: [B].
        length: [B] or a number.
        size: the number of pixels of the image's side.

    Returns:
        bool [B, size].
    """
    pixels = jnp.arange(size, dtype=start.dtype)[None]
    return (pixels >= start[:, None]) & (pixels < (start + length)[:, None])


def box(rows: jax.Array, columns: jax.Array) -> jax.Array:
    """The box where two stretches, bool [B, H] and [B, W], cross: bool [B, H, W, 1]."""
    return (rows[:, :, None] & columns[:, None, :])[..., None]
