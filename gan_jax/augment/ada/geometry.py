"""The geometric transformations of ADA, as one matrix for each image and one resampling.

An image is padded by reflection, enlarged by two with a wavelet's low-pass filter, read at the
places that the matrix says by bilinear interpolation, and shrunk by two with the filter reversed.
The wavelet is orthogonal, so a shift by whole pixels leaves their values, up to rounding. It is not
quite symmetric, so a flip or a turn changes the finest detail, in ADA as well.

The places are read by a gather. A turn does not split into rows and columns, and a matrix of the
weights of all pixels, as in `gan_jax.augment.resample`, took five times as long for 64 images of
32 × 32 × 3 on a CPU, gradient included.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.augment.ada import chance, wavelets
from gan_jax.augment.resample import EXACT

FILTER = wavelets.SYM6 / np.sum(wavelets.SYM6)
MARGIN = len(FILTER) // 4  # pixels around the result, into which the shrinking filter reaches


class Geometry(NamedTuple):
    """The parameters, each [B] but the shifts, in the order in which they act on an image.

    All act about the image's centre. A turn is anticlockwise.

    Attributes:
        flip: 1 exchanges left and right, 0 does not.
        quarters: a number of quarter turns, 0 to 3.
        shift: [B, 2], right and down, over the sides; rounded to whole pixels.
        scale: the magnification.
        turn: in radians.
        stretch: the magnification across; down it is the inverse.
        second_turn: in radians.
        fine_shift: [B, 2], right and down, over the sides.
    """

    flip: jax.Array
    quarters: jax.Array
    shift: jax.Array
    scale: jax.Array
    turn: jax.Array
    stretch: jax.Array
    second_turn: jax.Array
    fine_shift: jax.Array


NEUTRAL = (0, 0, 0, 1, 0, 1, 0, 0)  # for each field the value that changes nothing
UNIFORMS, NORMALS, GATES = 6, 4, len(NEUTRAL)


def parameters(
    uniforms: jax.Array, normals: jax.Array, gates: jax.Array, probability: jax.Array
) -> Geometry:
    """The parameters that come of random numbers.

    Args:
        uniforms: [6, B] from U(0, 1).
        normals: [4, B] from N(0, 1).
        gates: [8, B] from U(0, 1).
        probability: the chance of each transformation, [] in [0, 1]. The turns count as one: the
            chance that either acts is `probability`.
    """
    flip, quarters, right, down, turn, second_turn = uniforms
    scale, stretch, *fine_shift = normals
    drawn = Geometry(
        flip=jnp.floor(2 * flip),
        quarters=jnp.floor(4 * quarters),
        shift=0.125 * (2 * jnp.stack([right, down], axis=1) - 1),
        scale=jnp.exp2(0.2 * scale),
        turn=math.pi * (2 * turn - 1),
        stretch=jnp.exp2(0.2 * stretch),
        second_turn=math.pi * (2 * second_turn - 1),
        fine_shift=0.125 * jnp.stack(fine_shift, axis=1),
    )
    either = 1 - jnp.sqrt(1 - probability)
    chances = [*[probability] * 4, either, probability, either, probability]
    return Geometry(*chance.chosen(gates, chances, drawn, NEUTRAL))


def matrix(geometry: Geometry, height: int, width: int) -> jax.Array:
    """[B, 3, 3]: from a pixel (right, down, 1) of the result to the place that it shows.

    Both are in pixels from the image's centre. It is the inverse of the transformations.
    """
    sides = jnp.asarray([width, height], geometry.scale.dtype)[None]
    one = jnp.ones_like(geometry.scale)
    steps = [
        _scaled(1 - 2 * geometry.flip, one),
        _turned(jnp.pi / 2 * geometry.quarters, rounded=True),
        _moved(-jnp.round(geometry.shift * sides)),
        _scaled(1 / geometry.scale, 1 / geometry.scale),
        _turned(geometry.turn),
        _scaled(1 / geometry.stretch, geometry.stretch),
        _turned(geometry.second_turn),
        _moved(-geometry.fine_shift * sides),
    ]
    return functools.reduce(functools.partial(jnp.matmul, precision=EXACT), steps)


def warped(images: jax.Array, matrix: jax.Array) -> jax.Array:
    """Images resampled so that each pixel of the result shows the place that its matrix says.

    Reflection reaches one side less one pixel beyond each border; 0 lies behind it. ADA pads all
    images of a batch by the margin that one of them needs, up to the same bound; we always pad by
    the bound.

    Args:
        images: [B, H, W, C]; 0 is mid-gray.
        matrix: [B, 3, 3], as `matrix` makes it.

    Returns:
        [B, H, W, C].
    """
    height, width = images.shape[1:3]
    rows, columns = (jnp.asarray(_enlarging(side), images.dtype) for side in (height, width))
    images = _resized(images, rows, columns)
    images = _read(images, *_places(matrix, height, width))
    rows, columns = (jnp.asarray(_shrinking(side), images.dtype) for side in (height, width))
    return _resized(images, rows, columns)


def _resized(images: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
    """rows [Y, H] and columns [X, W] applied to images [B, H, W, C]: [B, Y, X, C].

    As products that keep the images apart: of a single product over a side in the middle, XLA's
    compiler for NVIDIA cards finds no tiles, and gives up (jax 0.10.2, without a card).
    """
    count, height, width, channels = images.shape
    flat = images.reshape(count, height, width * channels)
    x = jnp.einsum('yi,bik->byk', rows, flat, precision=EXACT)
    x = jnp.swapaxes(x.reshape(count, -1, width, channels), 2, 3)
    return jnp.swapaxes(jnp.einsum('bycj,xj->bycx', x, columns, precision=EXACT), 2, 3)


def _scaled(right: jax.Array, down: jax.Array) -> jax.Array:
    zero, one = jnp.zeros_like(right), jnp.ones_like(right)
    return _matrices([right, zero, zero], [zero, down, zero], [zero, zero, one])


def _turned(angle: jax.Array, *, rounded: bool = False) -> jax.Array:
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    if rounded:  # a quarter turn moves pixels onto pixels
        cosine, sine = jnp.round(cosine), jnp.round(sine)
    zero, one = jnp.zeros_like(angle), jnp.ones_like(angle)
    return _matrices([cosine, -sine, zero], [sine, cosine, zero], [zero, zero, one])


def _moved(by: jax.Array) -> jax.Array:
    (right, down) = by.T
    zero, one = jnp.zeros_like(right), jnp.ones_like(right)
    return _matrices([one, zero, right], [zero, one, down], [zero, zero, one])


def _matrices(*rows: list[jax.Array]) -> jax.Array:
    return jnp.stack([jnp.stack(row, axis=1) for row in rows], axis=1)


@functools.cache
def _enlarging(side: int) -> np.ndarray:
    """[N, side]: a line padded by reflection and enlarged by two.

    N = 2·(3·side - 2) + 3: a zero comes before and two come behind.
    """
    padded = np.pad(np.eye(side), [(side - 1, side - 1), (0, 0)], mode='reflect')
    enlarged = np.zeros((2 * len(padded) + 3, len(padded)))
    for pixel in range(len(padded)):
        taps = 2 * pixel + np.arange(len(FILTER)) - len(FILTER) // 2 + 1
        inside = (taps >= 0) & (taps < 2 * len(padded))
        enlarged[taps[inside] + 1, pixel] = 2 * FILTER[inside]
    return enlarged @ padded


@functools.cache
def _shrinking(side: int) -> np.ndarray:
    """[side, 2·(side + 2·MARGIN)]: a line of twice the resolution and a margin, made small."""
    shrunk = np.zeros((side, 2 * (side + 2 * MARGIN)))
    for pixel in range(side):
        shrunk[pixel, 2 * pixel + 1 : 2 * pixel + 1 + len(FILTER)] = FILTER
    return shrunk


def _places(matrix: jax.Array, height: int, width: int) -> tuple[jax.Array, jax.Array]:
    """The places that the enlarged result shows, margin included: [B, rows, columns], down, across.

    In pixels of twice the resolution from the image's centre: whole numbers for a whole shift.
    """
    down, across = (
        jnp.arange(2 * (side + 2 * MARGIN), dtype=matrix.dtype) - 2 * MARGIN - (side - 1)
        for side in (height, width)
    )
    (a, b, right), (c, d, below) = (row.T[:, :, None, None] for row in (matrix[:, 0], matrix[:, 1]))
    across, down = across[None, None], down[None, :, None]
    return c * across + d * down + 2 * below, a * across + b * down + 2 * right


def _read(images: jax.Array, down: jax.Array, across: jax.Array) -> jax.Array:
    """Enlarged images [B, N, M, C] at places as in `_places`, bilinear: [B, rows, columns, C]."""
    (row, below), (column, right) = (_split(down, images.shape[1]), _split(across, images.shape[2]))
    flat = images.reshape(images.shape[0], -1, images.shape[3])

    def corner(rows, columns, weight):
        pixels = jax.vmap(lambda image, index: image.at[index].get(mode='clip'))
        return pixels(flat, rows * images.shape[2] + columns) * weight[..., None]

    return (
        corner(row, column, (1 - below) * (1 - right))
        + corner(row, column + 1, (1 - below) * right)
        + corner(row + 1, column, below * (1 - right))
        + corner(row + 1, column + 1, below * right)
    )


def _split(places: jax.Array, length: int) -> tuple[jax.Array, jax.Array]:
    """Index and fraction of places on an enlarged line of `length`, held within its zeros."""
    centre = (length - 3) // 2  # of 2·(3·side - 2) + 1 places the middle one is 3·(side - 1) + 1
    places = jnp.clip(places, -centre, length - 2 - centre)
    whole = jnp.floor(places)
    return whole.astype(jnp.int32) + centre, places - whole
