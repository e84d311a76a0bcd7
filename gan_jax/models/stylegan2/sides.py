"""The sides of StyleGAN2's maps, and the channels and the type at each."""

from typing import Any

import jax.numpy as jnp

from gan_jax.models.layers import square

SIDES = tuple(2**n for n in range(3, 11))  # of images
HALF = 4  # largest sides, but never 4, that are computed in a type below float32, as in ADA


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


def is_half(dtype: Any) -> bool:
    """True for a type below float32, with which maps are kept within bounds."""
    return dtype is not None and jnp.finfo(dtype).bits < 32


def type_at(side: int, last: int, dtype: Any) -> Any:
    """The type of the maps of a side, None for the type of their inputs.

    Args:
        side: of the map.
        last: the image's side.
        dtype: of the network.
    """
    return jnp.float32 if is_half(dtype) and side <= max(4, last >> HALF) else dtype
