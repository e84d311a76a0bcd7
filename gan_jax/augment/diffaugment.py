"""DiffAugment's ops with its constants.

DiffAugment's policy is 'diffaugment_color|diffaugment_translation|diffaugment_cutout', given as the
config's `augment.critic`; on CIFAR-10 its authors leave out one op or another.

No op has a strength. DiffAugment's images lie in [-1, 1] and are not clipped. Ours are not clipped
either, so results may leave [0, 1]. DiffAugment fills with 0, mid-gray, which is 1/2 in [0, 1].

Source: Zhao et al. 2020 (2006.10738) and its official code.
"""

import jax
import jax.numpy as jnp

from gan_jax.augment import boxes, colour, draws, operation, resample

GRAY = 0.5


@operation.op(None)
def diffaugment_color(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """Brightness, saturation and contrast, in this order; `strength` is not read.

    U(-1/4, 1/4) is added, which is U(-1/2, 1/2) in [-1, 1]. Then each channel's distance from the
    plain mean of the pixel's channels is multiplied by U(0, 2), and each pixel's distance from the
    mean of the whole image by U(1/2, 3/2); these factors are the same in either range.
    """
    del strength
    added, saturation, contrast = draws.uniform(key, images, 3)[:, :, None, None]  # [B, 1, 1]
    channels = [channel + (added - 0.5) / 2 for channel in colour.split(images)]
    gray = sum(channels) / len(channels)
    channels = [gray + 2 * saturation * (channel - gray) for channel in channels]
    mean = jnp.mean(gray, axis=(1, 2), keepdims=True)  # saturation leaves it as it is
    return colour.merge([mean + (0.5 + contrast) * (channel - mean) for channel in channels])


@operation.op(None, codes=True)
def diffaugment_translation(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """A shift along each axis by -n to n pixels, all equally likely, gray outside.

    n = side/8, rounded to the nearest as in the official code today; its first version rounded
    down. `strength` is not read.
    """
    del strength
    positions, stretches = [], []
    for size, draw in zip(images.shape[1:3], draws.uniform(key, images, 2), strict=True):
        most = int(size / 8 + 0.5)
        pixels = draws.randint_of(draw, -most, most)
        positions.append(resample.shifted(pixels, size))
        stretches.append(boxes.stretch(pixels, size, size))
    return jnp.where(boxes.box(*stretches), resample.sample(images, *positions), GRAY)


@operation.op(None, codes=True)
def diffaugment_cutout(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """A box of H/2 × W/2 turned gray, its centre anywhere; `strength` is not read.

    Sides are rounded as in `diffaugment_translation`. The box may hang over the edge. The centre of
    an odd side lies on any pixel; the centre of an even side lies on any edge of a pixel, the
    border too. All are equally likely.
    """
    del strength
    stretches = []
    for size, draw in zip(images.shape[1:3], draws.uniform(key, images, 2), strict=True):
        length = int(size / 2 + 0.5)
        middle = draws.randint_of(draw, 0, size - length % 2)
        stretches.append(boxes.stretch(middle - length // 2, length, size))
    return jnp.where(boxes.box(*stretches), GRAY, images)
