"""Changes of colour, by an amount given for each image.

The functions take a list of channels, each [B, H, W] in [0, 1], and an amount for each image, [B].
On whole images with the channels last, XLA's CPU code computes every step again for each step that
follows: for 384 images of 32 × 32 × 3, SimCLR's distortion with its gradient took 41 ms instead
of 5.

Results are not clipped, so that each change is linear in the channels.
Saturation, hue and grayscale have a meaning for red, green and blue only: they return any other
number of channels unchanged.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

Channels = list[jax.Array]

# Rows: luma, then the two chroma axes I and Q, of red, green and blue (the NTSC colour space).
YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
# The chroma of a colour turned by a quarter circle in the I-Q plane, in the direction in which hue
# runs (red, yellow, green); luma is dropped.
QUARTER = np.linalg.inv(YIQ) @ np.array([[0, 0, 0], [0, 0, 1], [0, -1, 0]]) @ YIQ


def split(images: jax.Array) -> Channels:
    """[B, H, W, C] as C channels [B, H, W]."""
    return [images[..., c] for c in range(images.shape[3])]


def merge(channels: Channels) -> jax.Array:
    """The inverse of `split`."""
    return jnp.stack(channels, axis=3)


def scale(channels: Channels, factor: jax.Array) -> Channels:
    """Brightness as a factor, as in SimCLR's second version."""
    return [_column(factor) * channel for channel in channels]


def contrast(channels: Channels, factor: jax.Array) -> Channels:
    """The distance of each pixel from its channel's mean over the image, times a factor."""
    means = [jnp.mean(channel, axis=(1, 2), keepdims=True) for channel in channels]  # [B, 1, 1]
    return [m + _column(factor) * (c - m) for c, m in zip(channels, means, strict=True)]


def saturation(channels: Channels, factor: jax.Array) -> Channels:
    """The distance of each pixel from its luma, times a factor; luma stays.

    HSV's saturation would keep the maximum of the channels instead.
    """
    grays = grayscale(channels)
    return [g + _column(factor) * (c - g) for c, g in zip(channels, grays, strict=True)]


def hue(channels: Channels, turn: jax.Array) -> Channels:
    """Chroma turned by a part of the full circle in the I-Q plane; luma stays.

    A rotation is linear, where the hue of HSV has kinks in its gradient at every gray.
    """
    if len(channels) != 3:
        return channels
    gray = _mix(channels, YIQ[0])
    quarters = [_mix(channels, row) for row in QUARTER]
    cosine, sine = _column(jnp.cos(2 * jnp.pi * turn)), _column(jnp.sin(2 * jnp.pi * turn))
    return [gray + cosine * (c - gray) + sine * q for c, q in zip(channels, quarters, strict=True)]


def grayscale(channels: Channels) -> Channels:
    """Each pixel's luma in all three channels."""
    return [_mix(channels, YIQ[0])] * 3 if len(channels) == 3 else channels


def clip(images: jax.Array) -> jax.Array:
    """Images of any shape held in [0, 1]; the gradient is 1 inside, 0 and 1 included, 0 outside.

    jnp.clip halves the gradient at the bounds themselves, where the backgrounds of images lie.
    """
    return jnp.where(images < 0, 0, jnp.where(images > 1, 1, images))


def _mix(channels: Channels, weights: Sequence[float]) -> jax.Array:
    red, green, blue = (float(w) * c for w, c in zip(weights, channels, strict=True))
    return red + green + blue


def _column(amounts: jax.Array) -> jax.Array:
    return amounts[:, None, None]  # [B, 1, 1]
