"""The sides of StyleGAN2's maps and of ProGAN's, and the channels at each."""

from gan_jax.models.layers import square

SIDES = tuple(2**n for n in range(3, 11))  # of images


def sides(shape: tuple[int, ...], network: str = 'StyleGAN2') -> tuple[int, ...]:
    """The sides of the maps for images [H, W, C], 4 and its doubles.

    Args:
        shape: (H, W, C).
        network: its name, for the error.

    Raises:
        ValueError: no layers for images of that size.
    """
    side = square(shape, SIDES, network)
    return tuple(2**n for n in range(2, side.bit_length()))


def channels_at(side: int, base: int, most: int) -> int:
    """The channels of a map: base / side, from 1 to `most`."""
    return max(1, min(base // side, most))
