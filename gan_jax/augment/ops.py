"""The augmentations of "Image Augmentations for GAN Training" (Zhao et al. 2020, 2006.02595).

Every op is `op(key, images, strength)`: float images [B, H, W, C] in [0, 1] to images of the same
shape, dtype and range, with a fresh draw for each image; `strength` is the paper's λ, a traced
scalar that bounds the amount α drawn for an image. Strength 0 is the identity, bit for bit, except
for `flip`, which has no strength, and `simclr`, whose strength drives the crop only. The key is
consumed. Gradients flow through the images. `contract.op` lists the errors.

A new op is one new function here: `policy` finds it by name.
"""

# Modules are imported, not their functions, so that every public function in here is an op.
import math

import jax
import jax.numpy as jnp

from gan_jax import keys
from gan_jax.augment import colour, contract, draws, resample

CLOSED = contract.Range(0.0, 1.0)
OPEN = contract.Range(0.0, 1.0, closed=False)  # nothing would be left of the image at 1


@contract.op(None)
def flip(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """Left and right exchanged with probability 1/2; `strength` is not read.

    Source: Zhang et al. 2020 (1910.12027), where CR augments by a flip and a shift.
    """
    del strength
    return draws.sometimes(key, 0.5, images[:, :, ::-1], images)


@contract.op(OPEN)
def translation(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """A shift along each axis by its own α ~ U(-λ, λ) of the side, padded by reflection.

    Whole pixels, round(α·side): nothing is blurred. λ in [0, 1). A positive shift is down (right);
    what appears mirrors the image about its border pixel, which is not repeated.
    """
    positions = []
    for size, draw in zip(images.shape[1:3], draws.signed(key, images, 2), strict=True):
        shift = jnp.round(strength * draw * size)
        whole = resample.window(-shift, jnp.ones_like(shift), size)
        positions.append(resample.reflect(whole, size))
    return resample.sample(images, *positions)


@contract.op(OPEN)
def zoom_in(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """A crop of (1-α)H × (1-α)W, α ~ U(0, λ), anywhere in the image, enlarged to H × W.

    λ in [0, 1). The crop starts between pixels, not on one; bilinear, half-pixel centres.
    """
    amount, top, left = draws.uniform(key, images, 3)
    extent = 1 - strength * amount
    return resample.crop(images, top, left, extent, extent)


@contract.op(CLOSED)
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


@contract.op(CLOSED)
def cutout(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """A box of αH × αW, α ~ U(0, λ), anywhere inside the image, set to 0.

    λ in [0, 1]. Whole pixels, round(α·H) by round(α·W); every place is as likely as another.
    """
    amount, *places = draws.uniform(key, images, 3)
    inside = []
    for size, place in zip(images.shape[1:3], places, strict=True):
        side = jnp.round(strength * amount * size)
        start = jnp.floor(place * (size - side + 1))
        pixels = jnp.arange(size, dtype=images.dtype)[None]
        inside.append((pixels >= start[:, None]) & (pixels < (start + side)[:, None]))
    box = inside[0][:, :, None] & inside[1][:, None, :]  # [B, H, W]
    return images * ~box[..., None]


@contract.op(CLOSED)
def brightness(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """α ~ U(-λ, λ) added to all channels and clipped to [0, 1]; no gradient where it clips.

    λ in [0, 1].
    """
    (amount,) = strength * draws.signed(key, images, 1)
    return colour.clip(images + amount[:, None, None, None])


@contract.op(OPEN)
def simclr(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """SimCLR's augmentation without blur: flip, crop, then `colour.distort`.

    The crop's area is U(1-λ, 1) of the image's, λ in [0, 1); its aspect ratio, relative to the
    image's, is log-uniform between 3/4 and 4/3 as far as such a crop fits; bilinear, to H × W.
    Flip and colours do not depend on λ: varying the jitter did not help Zhao et al.

    Source: Chen et al. 2020 (2002.05709), appendix A, where the area is U(0.08, 1) and a crop that
    does not fit is drawn again, which a fixed program cannot do.
    """
    # The flip comes first, which changes no distribution: between the crop and the colours, XLA's
    # CPU code would compute it again for every colour step (76 ms instead of 21).
    images = flip(keys.named(key, 'flip'), images, strength)
    images = _crop(keys.named(key, 'crop'), images, strength)
    return colour.distort(keys.named(key, 'colours'), images)


def _crop(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """SimCLR's crop; area and aspect are those of the crop over those of the image."""
    area, aspect, top, left = draws.uniform(key, images, 4)
    area = 1 - strength * area
    # Height √(area/aspect) and width √(area·aspect) are at most 1 if aspect is in [area, 1/area].
    limit = jnp.minimum(math.log(4 / 3), -jnp.log(area))
    aspect = jnp.exp(limit * (2 * aspect - 1))
    height = jnp.minimum(jnp.sqrt(area / aspect), 1)
    width = jnp.minimum(jnp.sqrt(area * aspect), 1)
    return resample.crop(images, top, left, height, width)
