"""The sides of StyleGAN2's maps, the channels at each, and the type that they are computed in."""

import math
from typing import Any

import jax.numpy as jnp

from gan_jax.models.layers import square

SIDES = tuple(2**n for n in range(3, 11))  # of images
HALF = 4  # of the largest sides of maps are computed in a type below float32, as in ADA


def sides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The sides of the maps for images [H, W, C], 4 and its doubles.

    Raises:
        ValueError: no layers for images of that size.
    """
    side = square(shape, SIDES, 'StyleGAN2')
    return tuple(2**n for n in range(2, side.bit_length()))


def channels_at(side: int, base: int, most: int) -> int:
    """The channels of a map: base / side, from 1 to `most`."""
    return max(1, min(base // side, most))


def type_at(side: int, last: int, dtype: Any) -> tuple[Any, bool]:
    """The type of the maps of a side, None for their inputs', and whether they are clamped.

    Args:
        side: of the map.
        last: the image's side.
        dtype: of the network.
    """
    low = dtype is not None and jnp.finfo(dtype).bits < 32
    if not low:
        return dtype, False
    is_high = math.log2(last) - math.log2(side) < HALF
    return (dtype, True) if is_high else (jnp.float32, False)
