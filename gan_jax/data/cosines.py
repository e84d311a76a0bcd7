"""An autoencoder without training: the lowest cosines of blocks of 8×8 pixels.

It stands in for a trained one where there is none: its codes have the shape [H/8, W/8, 32] that
trained ones have too, and a GAN in them cannot be better than what is left of the images.
"""

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.autoencoder import Autoencoder

SIDE = 8  # pixels of a block
# Cosines that are kept of grey, and of each of two differences of colours: of each frequency all.
GREY, COLOUR = 20, 6
# Orthonormal: grey, red less green, and both less blue.
AXES = np.array([[1, 1, 1], [1, -1, 0], [1, 1, -2]]) / np.sqrt([[3], [2], [6]])


def cosines() -> Autoencoder:
    """Codes [n, H/8, W/8, 32] of images in colours, [n, H, W, 3], whose sides are multiples of 8.

    As JPEG, it turns blocks into cosines, and keeps more of grey than of colours (ITU-T T.81,
    A.3.3). It rounds nothing: 32 of the 192 numbers of a block are kept, and what is decoded is
    the nearest image that they can hold. `encode` raises ValueError for other images.
    """
    return Autoencoder({'basis': basis().astype(np.float32)}, _encode, _decode)


def basis() -> np.ndarray:
    """The orthonormal vectors that are kept, of a block of pixels: float64 [8, 8, 3, 32]."""
    waves = np.arange(SIDE)[:, None] * (2 * np.arange(SIDE)[None] + 1) * np.pi / (2 * SIDE)
    lines = np.cos(waves) * np.sqrt(np.where(np.arange(SIDE) > 0, 2, 1) / SIDE)[:, None]
    order = sorted(np.ndindex(SIDE, SIDE), key=lambda at: at[0] ** 2 + at[1] ** 2)
    kept = [
        lines[down][:, None, None] * lines[right][None, :, None] * axis[None, None]
        for axis, count in zip(AXES, (GREY, COLOUR, COLOUR), strict=True)
        for down, right in order[:count]
    ]
    return np.stack(kept, axis=-1)


def _encode(variables: dict[str, jax.Array], images: jax.Array) -> jax.Array:
    n, height, width, channels = images.shape
    if channels != len(AXES):
        raise ValueError(
            f'cosines takes images of three channels, and these have {channels}: take images in '
            'colours (data.name), or an autoencoder of your own'
        )
    if height % SIDE or width % SIDE:
        raise ValueError(
            f'cosines takes images whose sides are multiples of {SIDE}, not {height}x{width}: '
            'change data.size, or --size of prepare'
        )
    blocks = images.reshape(n, height // SIDE, SIDE, width // SIDE, SIDE, channels)
    return jnp.einsum('nyaxbc,abck->nyxk', blocks, variables['basis'])


def _decode(variables: dict[str, jax.Array], codes: jax.Array) -> jax.Array:
    n, height, width, _ = codes.shape
    blocks = jnp.einsum('nyxk,abck->nyaxbc', codes, variables['basis'])
    return blocks.reshape(n, height * SIDE, width * SIDE, len(AXES))
