"""Changes that vary from pixel to pixel, by Gaussian random fields."""

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.augment import colour, draws, operation, resample

LENGTH = 1 / 4  # correlation length of a field over the image's side
DISPLACEMENT = 1 / 16  # standard deviation over the side, at strength 1
BRIGHTNESS = 0.4  # standard deviation of the factor, at strength 1; SimCLR's range for small images


@operation.op(operation.CLOSED)
def random_field(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """Pixels displaced and brightened by three independent smooth fields; λ in [0, 1].

    At each pixel the displacement along either axis is N(0, λ/16) of the side, bilinear, padded by
    reflection, and the factor of brightness is N(1, 0.4·λ), clipped. The correlation of a field at
    two pixels is exp(-d²/2ℓ²) with ℓ a quarter of the side, but for the border. First the image
    is displaced along its width, then along its height, so the width's field is read at the
    displaced place. A matrix for each row and column costs H·W·(H + W) floats for each image: 64 Ki
    at 32 pixels, 4 Mi at 128.

    Source: Mansfield et al. 2023 (2311.03629). Left out are their fields of rotation and scale,
    which a field of displacement contains to first order, and the fields of other colours. The
    constants are ours, and mild: the paper finds strong ones harmful.
    """
    down, right, light = _smooth(draws.fields(key, images, 3))
    height, width = images.shape[1:3]
    images = _moved_along(images, strength * right * (DISPLACEMENT * width), 'bhwj,bhjc->bhwc', 2)
    images = _moved_along(images, strength * down * (DISPLACEMENT * height), 'bhwj,bjwc->bhwc', 1)
    return colour.clip(images * (1 + strength * BRIGHTNESS * light)[..., None])


def _moved_along(images: jax.Array, shift: jax.Array, product: str, axis: int) -> jax.Array:
    """Images read at places that are shifted [B, H, W] pixels along an axis, 1 or 2."""
    size = images.shape[axis]
    pixels = jnp.arange(size, dtype=shift.dtype)
    own = pixels[None, :, None] if axis == 1 else pixels[None, None]
    positions = resample.reflect(own + shift, size)[..., None]
    weights = jnp.maximum(0, 1 - jnp.abs(positions - pixels[None, None, None]))
    return jnp.einsum(product, weights, images, precision=resample.EXACT)


def _smooth(noise: jax.Array) -> jax.Array:
    """Fields of unit variance, [..., H, W], of independent noise of that shape."""
    rows, columns = (_kernel(size).astype(noise.dtype) for size in noise.shape[-2:])
    return jnp.einsum('ih,...hw,jw->...ij', rows, noise, columns, precision=resample.EXACT)


def _kernel(size: int) -> np.ndarray:
    """Gaussian weights [size, size], the squares of each row summing to 1."""
    distance = np.arange(size)[:, None] - np.arange(size)[None]
    # Noise smoothed by a Gaussian of deviation s correlates as one of deviation √2·s.
    weights = np.exp(-(distance**2) / (LENGTH * size) ** 2)
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)
