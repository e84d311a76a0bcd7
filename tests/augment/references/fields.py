"""Random fields by SciPy's filters and interpolation."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import ndimage

from tests.augment.references.reading import each


def smooth(noise):
    """Noise [H, W] smoothed to correlations exp(-d²/2ℓ²), ℓ a quarter of the side; variance 1."""
    for axis, size in enumerate(noise.shape):
        deviation = size / 4 / np.sqrt(2)
        filtered = ndimage.gaussian_filter1d(
            noise, deviation, axis, mode='constant', radius=2 * size
        )
        # The variance at a place is the sum of the squares of what unit impulses leave there.
        impulses = ndimage.gaussian_filter1d(
            np.eye(size), deviation, 0, mode='constant', radius=2 * size
        )
        scale = np.sqrt(np.sum(impulses**2, axis=1))
        noise = filtered / (scale[:, None] if axis == 0 else scale[None])
    return noise


def random_field(key, images, strength):
    noise = np.asarray(jax.random.normal(key, (3, *images.shape[:3]), jnp.float32), float)

    def change(image, down, right, light):
        height, width, _ = image.shape
        rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing='ij')
        image = read(image, [rows, columns + strength * width / 16 * smooth(right)])
        image = read(image, [rows + strength * height / 16 * smooth(down), columns])
        return np.clip(image * (1 + 0.4 * strength * smooth(light))[..., None], 0, 1)

    return each(change, images, *noise)


def read(image, grid):
    channels = [
        ndimage.map_coordinates(image[..., c], grid, order=1, mode='mirror')
        for c in range(image.shape[2])
    ]
    return np.stack(channels, axis=2)
