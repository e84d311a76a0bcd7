"""Ops that move the image, and `cutout`."""

import jax
import jax.numpy as jnp

from gan_jax.augment import boxes, draws, operation, resample
from gan_jax.keys import named


@operation.op(None, codes=True)
def flip(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """Left and right exchanged with probability 1/2; `strength` is not read.

    Source: Zhang et al. 2020 (1910.12027); CR augments by a flip and a shift.
    """
    del strength
    return draws.with_probability(key, 0.5, images[:, :, ::-1], images)


@operation.op(None, codes=True)
def rotate90(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """A turn by 0, 90, 180 or 270 degrees, equally likely; `strength` is not read.

    Raises:
        ValueError: the images are not square.
    """
    del strength
    if images.shape[1] != images.shape[2]:
        raise ValueError(f'rotate90: images must be square, got shape {list(images.shape)}')
    images = draws.with_probability(named(key, 'half'), 0.5, images[:, ::-1, ::-1], images)
    return draws.with_probability(
        named(key, 'quarter'), 0.5, jnp.rot90(images, axes=(1, 2)), images
    )


@operation.op(operation.OPEN, codes=True)
def translation(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """A shift along each axis by its own α ~ U(-λ, λ) of the side, padded by reflection.

    Whole pixels, round(α·side): nothing is blurred. λ in [0, 1). A positive shift is down (right).
    The padding mirrors the image about its border pixel, which is not repeated.
    """
    down, right = strength * draws.signed(key, images, 2)
    return _moved_right(_moved_down(images, down), right)


@operation.op(operation.OPEN, codes=True)
def translation_x(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """As `translation`, along the width alone.

    The paper prints αH for X and αW for Y. We take the width for X and the height for Y, which is
    the same for square images, such as all of the paper's.
    """
    (right,) = strength * draws.signed(key, images, 1)
    return _moved_right(images, right)


@operation.op(operation.OPEN, codes=True)
def translation_y(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """As `translation`, along the height alone."""
    (down,) = strength * draws.signed(key, images, 1)
    return _moved_down(images, down)


@operation.op(operation.OPEN, codes=True)
def shift(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """CR's shift: along each axis by -n to n pixels, n = round(λ·side), padded by reflection.

    Every whole number of pixels is as likely as another, where `translation` shifts by n half as
    often as by less. λ in [0, 1). `flip|shift(0.125)` is the policy of CR and bCR.

    Source: Zhang et al. 2020 (1910.12027), who shift "by a few pixels"; public implementations
    shift by up to an eighth and pad by reflection.
    """
    positions = []
    for size, draw in zip(images.shape[1:3], draws.uniform(key, images, 2), strict=True):
        most = jnp.round(strength * size)
        pixels = draws.randint_of(draw, -most, most)
        positions.append(resample.reflect(resample.shifted(pixels, size), size))
    return resample.sample(images, *positions)


@operation.op(operation.OPEN, codes=True)
def zoom_in(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """A crop of (1-α)H × (1-α)W, α ~ U(0, λ), anywhere in the image, enlarged to H × W.

    λ in [0, 1). The crop starts between pixels, not on one; bilinear, half-pixel centres.
    """
    amount, top, left = draws.uniform(key, images, 3)
    extent = 1 - strength * amount
    return resample.crop(images, top, left, extent, extent)


@operation.op(operation.CLOSED, codes=True)
def zoom_out(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """A crop of (1+α)H × (1+α)W, α ~ U(0, λ), of the image padded to (1+2α), shrunk to H × W.

    λ in [0, 1]. Padded by αH and αW on each side by reflection, the border pixel not repeated; the
    crop starts between pixels. Bilinear, half-pixel centres, without a low-pass filter: every pixel
    of the crop still counts, since the samples lie less than two pixels apart.
    """
    amount, *places = draws.uniform(key, images, 3)
    amount = strength * amount
    positions = []
    for size, place in zip(images.shape[1:3], places, strict=True):
        start = (place - 1) * amount * size  # in [-amount, 0] of the side: inside the padded image
        positions.append(resample.reflect(resample.window(start, 1 + amount, size), size))
    return resample.sample(images, *positions)


@operation.op(operation.CLOSED, codes=True)
def cutout(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """A box of αH × αW, α ~ U(0, λ), anywhere inside the image, set to 0.

    λ in [0, 1]. Whole pixels, round(α·H) by round(α·W); every place is as likely as another.
    """
    return jnp.where(boxes.inner(key, images, strength), 0, images)


def _moved_down(images: jax.Array, amount: jax.Array) -> jax.Array:
    return resample.sample_rows(images, resample.translated(amount, images.shape[1]))


def _moved_right(images: jax.Array, amount: jax.Array) -> jax.Array:
    return resample.sample_columns(images, resample.translated(amount, images.shape[2]))
