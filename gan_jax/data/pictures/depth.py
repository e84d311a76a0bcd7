"""Images of 16 bits a channel, rounded to 8 bits: 65,535 becomes 255, and v becomes v / 257.

Pillow reads grey images of 16 bits as they are, and of colours the upper byte of each number alone.
The lower byte comes from a second pass that takes the bytes in the other order.
"""

import sys
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

NOTE = '16 bits a channel, which are rounded to 8: 65535 becomes 255'
STRIP = 1 << 20  # pixels that are rounded at once
OTHER = {'B': 'L', 'L': 'B'}  # orders of the two bytes, in Pillow's raw modes
PAIRED = 'LA;16B'  # of a PNG with grey and opacity, which Pillow 12 and later make RGBA of
# Tags of a TIFF: the bits of each channel, 0 where white is 0, 2 where channels lie apart.
BITS, WHITE, PLANES = 258, 262, 284


def is_deep(image: Image.Image) -> bool:
    """True if an open image has 16 bits a channel, or more than the 8 that Pillow makes of them."""
    tags: Any = getattr(image, 'tag_v2', {})
    more = any(8 < bits <= 16 for bits in tags.get(BITS, ()))
    raw = any('16' in raw_mode(tile[3]) for tile in image.tile)
    return image.mode.startswith('I;16') or raw or more


def raw_mode(arguments: object) -> str:
    """The raw mode of a decoder of Pillow: the first of its arguments, or the only one."""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ''


def is_grey(image: Image.Image) -> bool:
    """True if an open image of 16 bits a channel has no colours."""
    return image.mode.startswith('I;16') or _is_paired(image)


def fault(image: Image.Image) -> str:
    """The second half of a sentence about an image of 16 bits that cannot be rounded, else ''."""
    if 'transparency' in image.info:
        return (
            'has 16 bits a channel and a transparent colour: lay it over the background that you '
            'want'
        )
    tags: Any = getattr(image, 'tag_v2', {})
    unusual = tags.get(PLANES) == 2 or tags.get(WHITE) == 0 or {*tags.get(BITS, (16,))} != {16}
    if unusual or not (is_grey(image) or _turned(image.tile[0][3])):
        return 'holds numbers of 16 bits in an unusual form: save it again as a PNG'
    return ''


def rounded(value: np.ndarray) -> np.ndarray:
    """Numbers from 0 to 65,535, of any integer type, as uint8 of the same shape: v / 257."""
    return ((value.astype(np.int32) + 128) // 257).astype(np.uint8)


def at_8_bits(image: Image.Image, file: BinaryIO) -> Image.Image:
    """An open image of 16 bits a channel, from a file, rounded; the given one is closed.

    Args:
        image: for which `fault` is ''.
        file: its own, open.
    """
    grey, paired, tiles = image.mode.startswith('I;16'), _is_paired(image), image.tile
    second = None
    if paired:
        image.tile = [tile._replace(args='RGBA') for tile in tiles]
    image.load()
    if not grey and not paired:
        file.seek(0)
        second = Image.open(file, formats=[image.format])
        second.tile = [tile._replace(args=_turned(tile.args)) for tile in second.tile]
    bands = 1 if grey else 2 if paired else len(image.getbands())
    array = np.empty((image.height, image.width, bands), np.uint8)
    rows = max(1, STRIP // image.width)
    for top in range(0, image.height, rows):
        box = (0, top, image.width, min(top + rows, image.height))
        parts = [np.asarray(one.crop(box)) for one in (image, second) if one is not None]
        array[top : top + rows] = rounded(_numbers(parts, grey, paired)).reshape(
            -1, *array.shape[1:]
        )
    result = Image.fromarray(array[..., 0] if bands == 1 else array)
    result.info = {k: v for k, v in image.info.items() if k == 'exif'}
    result.format = image.format
    for one in (image, second):
        if one is not None:
            one.close()
    return result


def _numbers(parts: list[np.ndarray], grey: bool, paired: bool) -> np.ndarray:
    """The numbers of some rows, [H, W] or [H, W, bands], of what Pillow gives for them."""
    if grey:
        return parts[0]
    if paired:  # upper and lower byte of grey, upper and lower byte of opacity
        upper, lower = parts[0][..., ::2], parts[0][..., 1::2]
    else:
        upper, lower = parts
    return 256 * upper.astype(np.int32) + lower


def _is_paired(image: Image.Image) -> bool:
    return bool(image.tile) and raw_mode(image.tile[0][3]) == PAIRED


def _turned(arguments: Any) -> Any:
    """A decoder's arguments with the bytes of a number in the other order; None if unknown."""
    mode = raw_mode(arguments)
    if mode[-4:] not in (';16B', ';16L', ';16N'):
        return None
    native = 'L' if sys.byteorder == 'little' else 'B'
    turned = mode[:-1] + OTHER[native if mode[-1] == 'N' else mode[-1]]
    return (turned, *arguments[1:]) if isinstance(arguments, tuple) else turned
