"""The value of --size, where a command resizes images."""

import argparse

from gan_jax.data.resize import Size
from gan_jax.experiment.values import SIDE
from gan_jax.runtime.ranges import quoted


def size(text: str) -> Size:
    """The side of a square, '64', or height and width, '64x32', as an argparse type."""
    numbers = tuple(int(n) if n.isascii() and n.isdigit() else 0 for n in text.split('x', 1))
    found = numbers[0] if len({*numbers}) == 1 else numbers
    if not all(SIDE.holds(number) for number in numbers):
        raise argparse.ArgumentTypeError(
            f'is {quoted(text)}: give {SIDE}, or a height and a width as in 64x32'
        )
    return found
