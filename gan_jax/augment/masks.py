"""Ops that hide parts of the image: a box of noise, or random patches."""

import jax
import jax.numpy as jnp

from gan_jax.augment import boxes, draws, operation
from gan_jax.keys import named

NARROWEST = 0.3  # the smallest aspect of a box of `random_erasing`; the largest is its inverse
PATCHES = 8  # of `patch_mask` along a side


@operation.op(operation.OPEN)
def random_erasing(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """A box of U(λ/20, λ) of the image's area filled with noise ~ U(0, 1), λ in [0, 1).

    λ = 0.4 has the paper's areas, 0.02 to 0.4; the paper erases half of the images, which is
    'p(0.5, random_erasing(0.4))'. The aspect, height over width in pixels, is uniform between 0.3
    and 1/0.3 as far as such a box fits. Whole pixels; every place inside the image is as likely as
    another. The paper draws area, aspect and place again until the box fits, which a fixed program
    cannot do; we keep the area. Where no box of such an aspect fits, in an image much longer in one
    direction, the nearest aspect is taken and the box is cut off.

    Source: Zhong et al. 2017 (1708.04896), algorithm 1, with a random value for each pixel.
    """
    noise = draws.pixels(named(key, 'noise'), images)
    return jnp.where(_erased(named(key, 'box'), images, strength), noise, images)


def _erased(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """The boxes of `random_erasing`: bool [B, H, W, 1]."""
    amount, aspect, *places = draws.uniform(key, images, 4)
    area = strength * (0.05 + 0.95 * amount)  # over the image's
    height, width = images.shape[1:3]
    fitting = area * (height / width), height / (width * area)
    low, high = (jnp.clip(ratio, NARROWEST, 1 / NARROWEST) for ratio in fitting)
    aspect = low + aspect * (high - low)
    pixels = area * (height * width)
    lengths = jnp.sqrt(pixels * aspect), jnp.sqrt(pixels / aspect)
    stretches = []
    for length, place, size in zip(lengths, places, (height, width), strict=True):
        side = jnp.round(length)
        stretches.append(boxes.stretch(draws.randint_of(place, 0, size - side), side, size))
    return boxes.box(*stretches)


@operation.op(operation.OPEN, codes=True)
def patch_mask(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """A share λ of the image's patches set to 0, λ in [0, 1); all choices equally likely.

    A patch is round(H/8) by round(W/8) pixels, at least 1 by 1; those at the lower and right border
    are cut off where the side is no multiple. For 128 pixels they are MAE's patches of 16. Of n
    patches, round(λn) are set to 0 in every image; MAE's share is 0.75.

    Source: He et al. 2021 (2111.06377), section 3; they drop the patches, we set them to 0.
    """
    sides = [max(1, round(size / PATCHES)) for size in images.shape[1:3]]
    rows, columns = (-(-size // side) for size, side in zip(images.shape[1:3], sides, strict=True))
    count = rows * columns
    hidden = draws.ranks(draws.uniform(key, images, count)) < jnp.round(strength * count).astype(
        jnp.int32
    )
    hidden = jnp.moveaxis(hidden, 0, 1).reshape(-1, rows, columns)
    hidden = jnp.repeat(jnp.repeat(hidden, sides[0], axis=1), sides[1], axis=2)
    return jnp.where(hidden[:, : images.shape[1], : images.shape[2], None], 0, images)
