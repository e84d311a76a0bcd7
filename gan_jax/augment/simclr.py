"""SimCLR's augmentation: flip, crop, colours."""

import math

import jax
import jax.numpy as jnp

from gan_jax.augment import colour, draws, operation, resample, spatial
from gan_jax.augment.colour import Channels
from gan_jax.keys import named


@operation.op(operation.OPEN)
def simclr(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """SimCLR's augmentation without blur: flip, crop, then `distort`.

    The crop's area is U(1-λ, 1) of the image's, λ in [0, 1); its aspect ratio, relative to the
    image's, is log-uniform between 3/4 and 4/3 as far as such a crop fits; bilinear, to H × W.
    Flip and colours do not depend on λ: varying the jitter did not help Zhao et al.

    Source: Chen et al. 2020 (2002.05709), appendix A, where the area is U(0.08, 1) and a crop that
    does not fit is drawn again, which a fixed program cannot do.
    """
    # The flip comes first, which changes no distribution: between the crop and the colours, XLA's
    # CPU code would compute it again for every colour step (76 ms instead of 21).
    images = spatial.flip(named(key, 'flip'), images, strength)
    images = crop(named(key, 'crop'), images, strength)
    return distort(named(key, 'colours'), images)


def crop(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """SimCLR's crop, as `simclr` describes it; [B, H, W, C]."""
    area, aspect, top, left = draws.uniform(key, images, 4)
    area = 1 - strength * area  # of the crop over the image's, and so is the aspect ratio
    # Height √(area/aspect) and width √(area·aspect) are at most 1 if aspect is in [area, 1/area].
    limit = jnp.minimum(math.log(4 / 3), -jnp.log(area))
    aspect = jnp.exp(limit * (2 * aspect - 1))
    height = jnp.minimum(jnp.sqrt(area / aspect), 1)
    width = jnp.minimum(jnp.sqrt(area * aspect), 1)
    return resample.crop(images, top, left, height, width)


def distort(key: jax.Array, images: jax.Array) -> jax.Array:
    """SimCLR's colours: for each image `jitter` with probability 0.8, then grayscale with 0.2.

    Args:
        key: consumed.
        images: [B, H, W, C] in [0, 1].

    Returns:
        [B, H, W, C] in [0, 1].

    Source: Chen et al. 2020 (2002.05709), appendix A.
    """
    channels = colour.split(images)
    jittered = jitter(named(key, 'jitter'), channels)
    channels = draws.with_probability(named(key, 'jittered'), 0.8, jittered, channels)
    channels = draws.with_probability(named(key, 'gray'), 0.2, colour.grayscale(channels), channels)
    return colour.merge(channels)


def jitter(key: jax.Array, channels: Channels) -> Channels:
    """Colour jitter of strength 0.5, SimCLR's value for small images, clipped at each step.

    Brightness, contrast and saturation by factors ~ U(0.6, 1.4), hue by a turn ~ U(-0.1, 0.1), in
    this order. SimCLR draws the order as well. One order per image would compute all 24, and they
    differ only in the values that are clipped and in the mean that contrast uses.
    """
    brightness, contrast, saturation, turn = draws.signed(key, channels[0], 4)
    channels = _clipped(colour.scale(channels, 1 + 0.4 * brightness))
    channels = _clipped(colour.contrast(channels, 1 + 0.4 * contrast))
    channels = _clipped(colour.saturation(channels, 1 + 0.4 * saturation))
    return _clipped(colour.hue(channels, 0.1 * turn))


def _clipped(channels: Channels) -> Channels:
    return [colour.clip(channel) for channel in channels]
