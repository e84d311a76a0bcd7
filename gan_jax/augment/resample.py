"""Translation and zoom as one thing: two small matrices per image, one for rows, one for columns.

A pixel lies at its index and covers index ± 1/2 (half-pixel centres); between pixels the image is
interpolated linearly, without a low-pass filter. Matrices, because their backward pass is a matmul
too: a gather's is a scatter, which on a CPU takes three times as long when each sample reads two
pixels, and on a GPU adds in no fixed order.
"""

import jax
import jax.numpy as jnp


def window(start: jax.Array, scale: jax.Array, size: int) -> jax.Array:
    """Positions of `size` samples spread evenly over a window: start + (i + 1/2)·scale - 1/2.

    Args:
        start: [B], where the window begins, in pixels from the image's edge.
        scale: [B], the window's extent over the image's.
        size: the number of samples, which is the image's side.

    Returns:
        [B, size], in pixels; exactly 0, 1, 2, ... where start is 0 and scale is 1.
    """
    i = jnp.arange(size, dtype=start.dtype)
    return start[:, None] + (i + 0.5)[None] * scale[:, None] - 0.5


def reflect(positions: jax.Array, size: int) -> jax.Array:
    """Positions mirrored into [0, size - 1] about the border pixels' centres, however far outside.

    The border pixel is not repeated, as in numpy.pad(mode='reflect'). A position mirrored
    reads what it would read in the padded image, since interpolation is symmetric.
    """
    period = max(2 * (size - 1), 1)
    positions = jnp.mod(positions, period)
    return jnp.minimum(jnp.minimum(positions, period - positions), size - 1)


def sample(images: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Images read at the crossings of rows and columns, by bilinear interpolation.

    Args:
        images: [B, H, W, C].
        rows: [B, H'], positions in [0, H - 1].
        columns: [B, W'], positions in [0, W - 1].

    Returns:
        [B, H', W', C]; bit for bit the pixel where both positions are whole, and never outside the
        range of the pixels read: the two weights of a position sum to 1 without rounding.
    """
    # Accelerators multiply matrices in fewer bits by default, and the identity would blur.
    exact = jax.lax.Precision.HIGHEST
    vertical = _weights(rows, images.shape[1])
    horizontal = _weights(columns, images.shape[2])
    images = jnp.einsum('bhi,bijc->bhjc', vertical, images, precision=exact)
    return jnp.einsum('bwj,bhjc->bhwc', horizontal, images, precision=exact)


def crop(
    images: jax.Array, top: jax.Array, left: jax.Array, height: jax.Array, width: jax.Array
) -> jax.Array:
    """A window of each image, enlarged to the image's size.

    Args:
        images: [B, H, W, C].
        top, left: [B] in [0, 1], the window's place: 0 touches the first border, 1 the last.
        height, width: [B] in (0, 1], the window's extent over the image's.

    Returns:
        [B, H, W, C]. Half a pixel beyond the border reads the border pixel, as PIL's resize does.
    """
    rows = window(top * (1 - height) * images.shape[1], height, images.shape[1])
    columns = window(left * (1 - width) * images.shape[2], width, images.shape[2])
    rows = jnp.clip(rows, 0, images.shape[1] - 1)
    columns = jnp.clip(columns, 0, images.shape[2] - 1)
    return sample(images, rows, columns)


def _weights(positions: jax.Array, size: int) -> jax.Array:
    """[B, P] positions -> [B, P, size]: pixel j counts max(0, 1 - |position - j|)."""
    pixels = jnp.arange(size, dtype=positions.dtype)
    return jnp.maximum(0, 1 - jnp.abs(positions[:, :, None] - pixels[None, None]))
