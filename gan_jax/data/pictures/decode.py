"""Image files decoded to pixels; files are read, converted or refused.

Grey (also 1 bit), RGB, palette, CMYK and YCbCr images of 8 bits are read. The EXIF orientation is
applied, an alpha channel that is opaque everywhere is dropped, colours become RGB by Pillow's own
conversion. Images that cannot become 8-bit grey or RGB without a decision are refused
(transparency without a background, 16 bits, several frames), and so are files that Pillow cannot
read to the end. Of a stereo photograph (MPO) the first picture is taken.
"""

import contextlib
import io
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import islice
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

from gan_jax.data import pieces
from gan_jax.data.pictures.budget import Budget
from gan_jax.data.resize import resize
from gan_jax.runtime.errors import DATA, UserError
from gan_jax.runtime.paths import shown

BACKGROUND = r'(white|black|grey|#[0-9a-fA-F]{6})?'  # colours for transparent places
SUFFIXES = ('.png', '.jpg', '.jpeg', '.webp', '.bmp', '.gif')
FORMATS = ('PNG', 'JPEG', 'WEBP', 'BMP', 'GIF')  # Pillow finds MPO by itself in a JPEG
GREY = {'1', 'L', 'LA'}
MODES = GREY | {'P', 'PA', 'RGB', 'RGBA', 'CMYK', 'YCbCr'}
LARGEST = 1 << 26  # pixels of an image: a larger one may be a decompression bomb
LARGEST_FILE = 1 << 28  # bytes of an image file
WAITING = 1 << 28  # bytes of image files that are read and not yet decoded, without the last one
MEMORY = Budget(1 << 30)  # bytes for all images that are decoded at the same time
# Bytes a pixel at the worst moment of decoding, measured. A progressive JPEG keeps all coefficients
# of up to four channels, a WebP two canvases and a copy; all other formats take two images of
# Pillow's, 4 bytes each.
COPIES, COPIES_OF = 8, {'JPEG': 12, 'MPO': 12, 'WEBP': 20}
RESIZED = 6  # bytes a pixel of the resized image, in the same way
STRIP = 1 << 20  # pixels that become numbers at once
# Pillow takes memory in blocks of 16 MiB. glibc keeps many freed ones for each thread (measured),
# but gives back blocks above 32 MiB.
Image.core.set_block_size(1 << 26)
# A single text chunk may be as large as all together, 64 MiB: programs store much there.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY
# Pillow warns, with the path of its own code, of damage outside the pixels, which does not matter;
# damaged pixels are refused.
warnings.filterwarnings('ignore', module=r'PIL\.')


class Header(NamedTuple):
    """The size and the colours of an image file, known without its pixels."""

    width: int
    height: int
    grey: bool


def header(file: BinaryIO, name: str) -> Header:
    """The header of an open image file; errors call it `name`.

    Raises:
        UserError: it is not an image that this project reads.
    """
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # a program may have set other filters since the import
        with _opened(file, name) as image:
            return Header(*image.size, image.mode in GREY)


def pixels(
    file: BinaryIO,
    name: str,
    *,
    channels: int,
    size: int | None,
    crop: int | None = None,
    background: str = '',
) -> np.ndarray:
    """An image file as uint8 [H, W, channels]; waits until `MEMORY` has room for it.

    Args:
        file: open for reading.
        name: of the file, for errors.
        channels: 1 (grey; the image must be grey) or 3 (RGB).
        size: side of the result: the largest square in the middle, resized by `resize`. None leaves
            the image whole.
        crop: side of the square in the middle that is cut out first, at most the shorter side.
        background: a colour of Pillow's that transparent images are laid over; '' refuses them.

    Raises:
        UserError: it is not an image that this project reads.
    """
    with _opened(file, name) as image, _decoding(name), MEMORY.share(_memory(image, size)):
        # In another function, whose arrays are freed before the share is given back.
        return _pixels(image, name, channels, size, crop, background)


def in_chunks(items: Iterable, decode: Callable[..., np.ndarray | None]) -> Iterator[np.ndarray]:
    """`decode(*item)` of every item in order, as arrays uint8 [n, H, W, C], by several threads.

    Results of None are left out. The first array holds one image, by which the number of images in
    the others is chosen. An item begins with a file from `in_memory`.
    """
    items, count = iter(items), 1
    with ThreadPoolExecutor() as pool:
        while decoded := list(_decoded(pool, islice(items, count), decode)):
            images = [image for image in decoded if image is not None]
            del decoded  # else the images are twice in memory when they are yielded
            if images:
                images = np.stack(images)
                yield images
                count = pieces.chunk(images[0].nbytes)


def _decoded(pool: Executor, items: Iterable, decode: Callable[..., np.ndarray]) -> Iterator:
    """The images of the items in order; an item is read when at most `WAITING` bytes wait."""
    waiting: deque[tuple[Future, int]] = deque()
    try:
        for item in items:
            size = item[0].getbuffer().nbytes  # before it is decoded, which closes the file
            waiting.append((pool.submit(decode, *item), size))
            while sum(size for future, size in waiting if not future.done()) > WAITING:
                yield waiting.popleft()[0].result()
        while waiting:
            yield waiting.popleft()[0].result()
    finally:  # after an error the others are not waited for
        for future, _ in waiting:
            future.cancel()


def in_memory(file: BinaryIO, name: str) -> BinaryIO:
    """A copy of an open image file in memory, for use after its archive is closed.

    Raises:
        UserError: it has more than `LARGEST_FILE` bytes.
    """
    content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise UserError(f'{shown(name)} has more than {LARGEST_FILE} bytes: leave it out', DATA)
    return io.BytesIO(content)


@contextlib.contextmanager
def _opened(file: BinaryIO, name: str) -> Iterator[Image.Image]:
    with _decoding(name):
        image = Image.open(file, formats=FORMATS)
        fault = _fault(image)
    if fault:
        raise UserError(f'{shown(name)} {fault}', DATA)
    yield image


def _fault(image: Image.Image) -> str:
    if image.width * image.height > LARGEST:
        return f'has {image.width}x{image.height} pixels, too many to decode safely: leave it out'
    # Pillow reads colour PNGs of 16 bits as RGB without a warning; only the raw mode differs.
    if image.mode not in MODES or any('16' in _unpacked(tile[3]) for tile in image.tile):
        return 'does not have 8 bits a channel: convert it, as you find right for its range'
    if getattr(image, 'n_frames', 1) > 1 and image.format != 'MPO':
        return f'has {image.n_frames} frames: save each that you want as an image of its own'
    return ''


def _unpacked(arguments: object) -> str:
    """The raw mode of a decoder of Pillow: the first of its arguments, or the only one."""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ''


@contextlib.contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Any exception of Pillow in the block becomes a UserError about the file."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        sentence = f'{shown(name)} cannot be read as an image: repair it or leave it out'
        raise UserError(sentence, DATA) from error


def _pixels(
    image: Image.Image,
    name: str,
    channels: int,
    size: int | None,
    crop: int | None,
    background: str,
) -> np.ndarray:
    ImageOps.exif_transpose(image, in_place=True)
    image = _converted(image, 'L' if channels == 1 else 'RGB', name, background)
    if crop or size:
        image = _centre(image, min(*image.size, crop or max(image.size)))
    array = _array(image, channels)
    image.close()
    return array if size is None else resize(array[None], size)[0]


def _memory(image: Image.Image, size: int | None) -> int:
    """Bytes that decoding an open image takes at its worst moment, the result included."""
    copies = COPIES_OF.get(image.format, COPIES)
    return image.width * image.height * copies + RESIZED * (size or 0) ** 2


# Each of these functions closes its argument if it returns another image: there is no room for two
# large ones.


def _converted(image: Image.Image, mode: str, name: str, background: str) -> Image.Image:
    """The image in that mode, without the alpha channel that it may have.

    Raises:
        UserError: the image is not opaque everywhere, and there is no background.
    """
    if image.has_transparency_data:
        image = _in_mode(image, 'RGBA')
        if image.getchannel('A').getextrema()[0] < 255:
            if not background:
                raise UserError(
                    f'{shown(name)} is transparent in places: give a colour to lay it over, to '
                    'prepare --background=white, to train --config.data.background=white',
                    DATA,
                )
            image = _over(image, background)
    return _in_mode(image, mode)


def _over(image: Image.Image, background: str) -> Image.Image:
    """An image with an alpha channel, laid over a colour; RGB."""
    with contextlib.closing(image):
        whole = Image.new('RGB', image.size, background)
        whole.paste(image, mask=image)
        return whole


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == mode:
        return image
    with contextlib.closing(image):
        return image.convert(mode)


def _centre(image: Image.Image, side: int) -> Image.Image:
    left, top = (image.width - side) // 2, (image.height - side) // 2
    if image.size == (side, side):
        return image
    with contextlib.closing(image):
        return image.crop((left, top, left + side, top + side))


def _array(image: Image.Image, channels: int) -> np.ndarray:
    """The pixels, uint8 [H, W, channels]. They are copied in strips: Pillow copies each twice."""
    array = np.empty((image.height, image.width, channels), np.uint8)
    rows = max(1, STRIP // image.width)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        array[top : top + rows] = np.asarray(strip).reshape(-1, image.width, channels)
    return array
