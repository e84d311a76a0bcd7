"""The signals of StyleGAN3's maps: band, sampling rate, side and channels of each layer's result.

Numbers are the published code's. Frequencies are waves a side of the image, rates samples a side.
"""

import math
from typing import NamedTuple

FIRST = 2.0, 2**2.1  # cutoff and stopband of the input
BEYOND = 2**0.3  # last stopband over the last cutoff
CRITICAL = 2  # layers of the whole band at the end
MARGIN = 10  # samples beyond each border
LOWEST = 3  # layers at least, so that the band grows


class Band(NamedTuple):
    """The signal of a map.

    Attributes:
        cutoff: the highest frequency.
        width: half of the filters' transition band, which is around the cutoff.
        rate: samples along a side of the image.
        side: of the map, with its margin.
        channels: of the map.
    """

    cutoff: float
    width: float
    rate: int
    side: int
    channels: int


def bands(size: int, colours: int, base: int, most: int, depth: int) -> tuple[Band, ...]:
    """The bands of the layers' results and of the image, depth + 1 of them (section 3.2, C.1).

    Cutoffs and least stopbands are geometric; all of the last `CRITICAL` layers have the image's.
    The rate is the power of 2 above twice the stopband, at most the image's.

    Args:
        size: side of the image, a power of 2.
        colours: channels of the image.
        base: twice the channels times the cutoff.
        most: channels of a map at most.
        depth: layers before the image, `LOWEST` at least.
    """
    last = size / 2, size / 2 * BEYOND
    found = []
    for i in range(depth + 1):
        exponent = min(i / (depth - CRITICAL), 1)
        cutoff, stop = (a * (b / a) ** exponent for a, b in zip(FIRST, last, strict=True))
        rate = 2 ** math.ceil(math.log2(min(2 * stop, size)))
        side = size if i >= depth - 1 else rate + 2 * MARGIN
        channels = max(1, round(min(base / 2 / cutoff, most)))
        found.append(Band(cutoff, max(stop, rate / 2) - cutoff, rate, side, channels))
    return *found[:-1], found[-1]._replace(channels=colours)
