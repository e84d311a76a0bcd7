"""Translation, zoom and blur as two small matrices an image, one for rows and one for columns.

A pixel lies at its index and covers index ± 1/2 (half-pixel centres); between pixels the image is
interpolated linearly, without a low-pass filter. The backward pass of a matmul is a matmul; the
backward pass of a gather is a scatter, which on a CPU takes three times as long when each sample
reads two pixels, and on a GPU adds in no fixed order.
"""

import jax
import jax.numpy as jnp

# Accelerators multiply matrices in fewer bits by default, and the identity would blur.
EXACT = jax.lax.Precision.HIGHEST


def shifted(shift: jax.Array, size: int) -> jax.Array:
    """The pixels that an image moved by `shift` [B] whole pixels reads: [B, size].

    They may lie outside the image.

    A positive shift is down (right).
    """
    return jnp.arange(size, dtype=shift.dtype)[None] - shift[:, None]


def window(start: jax.Array, scale: jax.Array, size: int) -> jax.Array:
    """Positions of `size` samples spread evenly over a window: start + (i + 1/2)·scale - 1/2.

    Args:
        start: [B], where the window begins, in pixels from the image's edge.
        scale: [B], the window's extent over the image's.
        size: the number of samples, which is the image's side.

    Returns:
        [B, size], in pixels; exactly 0, 1, 2, ... if start is 0 and scale is 1.
    """
    i = jnp.arange(size, dtype=start.dtype)
    return start[:, None] + (i + 0.5)[None] * scale[:, None] - 0.5


def reflect(positions: jax.Array, size: int) -> jax.Array:
    """Positions mirrored into [0, size - 1] about the border pixels' centres, however far outside.

    The border pixel is not repeated, as in numpy.pad(mode='reflect'). A mirrored position reads
    the value that the padded image has at the position itself, since interpolation is symmetric.
    """
    period = max(2 * (size - 1), 1)
    positions = jnp.mod(positions, period)
    return jnp.minimum(jnp.minimum(positions, period - positions), size - 1)


def translated(amount: jax.Array, size: int) -> jax.Array:
    """The pixels read after a translation by `amount` [B] of the side, reflected: [B, size].

    Whole pixels, round(amount · size), down or right where positive.
    """
    return reflect(shifted(jnp.round(amount * size), size), size)


def sample(images: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Images read at the crossings of rows and columns, by bilinear interpolation.

    Args:
        images: [B, H, W, C].
        rows: [B, H'], positions in [0, H - 1].
        columns: [B, W'], positions in [0, W - 1].

    Returns:
        [B, H', W', C]: bit for bit the pixel if both positions are whole numbers, and never outside
        the range of the pixels read, since the two weights of a position sum to 1 without rounding.
    """
    return sample_columns(sample_rows(images, rows), columns)


def sample_rows(images: jax.Array, rows: jax.Array) -> jax.Array:
    """As `sample` along the height alone; a position a pixel or more outside the image reads 0."""
    return times_rows(_weights(rows, images.shape[1]), images)


def sample_columns(images: jax.Array, columns: jax.Array) -> jax.Array:
    """As `sample` along the width alone; a position a pixel or more outside the image reads 0."""
    return times_columns(_weights(columns, images.shape[2]), images)


def convolve(images: jax.Array, kernel: jax.Array) -> jax.Array:
    """Images filtered along both axes, each by its own symmetric kernel, padded by reflection.

    Args:
        images: [B, H, W, C].
        kernel: [B, K], K odd.

    Returns:
        [B, H, W, C].
    """
    images = times_rows(_filter(kernel, images.shape[1]), images)
    return times_columns(_filter(kernel, images.shape[2]), images)


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


def _filter(kernel: jax.Array, size: int) -> jax.Array:
    """[B, K] kernels -> [B, size, size]: in each row the kernel, about that row's pixel."""
    taps = kernel.shape[1]
    offsets = jnp.arange(taps, dtype=kernel.dtype) - taps // 2
    places = _weights(reflect(shifted(-offsets, size), size), size)  # [K, size, size], constant
    return jnp.einsum('bk,kij->bij', kernel, places, precision=EXACT)


def times_rows(matrices: jax.Array, images: jax.Array) -> jax.Array:
    """Matrices [B, P, H] times the columns of pixels of images [B, H, W, C]: [B, P, W, C]."""
    return jnp.einsum('bhi,biwc->bhwc', matrices, images, precision=EXACT)


def times_columns(matrices: jax.Array, images: jax.Array) -> jax.Array:
    """Matrices [B, P, W] times the rows of pixels of images [B, H, W, C]: [B, H, P, C]."""
    return jnp.einsum('bwj,bhjc->bhwc', matrices, images, precision=EXACT)
