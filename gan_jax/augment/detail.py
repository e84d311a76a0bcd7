"""Ops on the finest detail: `instance_noise` adds to it, `blur` takes it away."""

import jax
import jax.numpy as jnp

from gan_jax.augment import colour, draws, operation, resample


@operation.op(operation.CLOSED)
def instance_noise(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """Noise ~ N(0, λ²) added to every pixel and channel, clipped; no gradient where it clips.

    λ in [0, 1]. The paper writes N(0, λ) and does not say whether that is the standard deviation or
    the variance: we take the standard deviation.
    """
    return colour.clip(images + strength * draws.normal(key, images))


@operation.op(operation.CLOSED)
def blur(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """A Gaussian of standard deviation λ·U(0.1, 2) pixels, λ in [0, 1].

    The kernel is SimCLR's: its width is a tenth of the image's height, an odd number of pixels, but
    at least 3 (SimCLR blurs no image of less than 20 pixels). At λ = 1 the deviation is SimCLR's
    too. SimCLR blurs half of the images, this op blurs all. SimCLR pads with zeros, which darkens
    the border; we reflect the image about the border pixel.

    Source: Chen et al. 2020 (2002.05709), appendix A.
    """
    (draw,) = draws.uniform(key, images, 1)
    kernel = _gaussian(strength * (0.1 + 1.9 * draw), max(1, images.shape[1] // 20))
    return resample.convolve(images, kernel)


def _gaussian(deviation: jax.Array, radius: int) -> jax.Array:
    """Kernels [B, 2 * radius + 1] for deviations [B] in pixels; the identity for 0."""
    distance = jnp.arange(1, radius + 1, dtype=deviation.dtype)
    # A deviation of 0 divides by zero on purpose: exp(-inf) is the weight 0 that it should be.
    side = jnp.exp(-(distance[None] ** 2) / (2 * deviation[:, None] ** 2))
    side /= 1 + 2 * jnp.sum(side, axis=1, keepdims=True)
    # In steps of 2^-23 all partial sums are exact, and white stays white without a clip.
    side = jnp.round(side * 2**23) / 2**23
    middle = 1 - 2 * jnp.sum(side, axis=1, keepdims=True)
    return jnp.concatenate([side[:, ::-1], middle, side], axis=1)
