"""Image files decoded to pixels; files are read, converted or refused.

Grey (also 1 bit), RGB, palette, CMYK and YCbCr images of 8 bits are read; 16 bits are rounded to 8,
see `depth`. The EXIF orientation is applied, an alpha channel that is opaque everywhere is dropped,
colours become RGB by Pillow's own conversion. Images that cannot become 8-bit grey or RGB without a
decision are refused (transparency without a background, floats, several frames), and so are files
that Pillow cannot
read to the end. Of a stereo photograph (MPO) the first picture is taken.
"""

import contextlib
import io
import math
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import islice
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps, PngImagePlugin

from gan_jax.data import pieces
from gan_jax.data.pictures import depth
from gan_jax.data.pictures.budget import Budget
from gan_jax.data.resize import Size, pair, resize, shown_size, window
from gan_jax.runtime.errors import DATA, UserError
from gan_jax.runtime.paths import ends_with, shown

SUFFIXES = ('.png', '.jpg', '.jpeg', '.webp', '.bmp', '.gif')
TIFF = ('.tif', '.tiff')  # images where there are no others, see `images_of`
FORMATS = ('PNG', 'JPEG', 'WEBP', 'BMP', 'GIF', 'TIFF')  # Pillow finds MPO by itself in a JPEG
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
DEEP = 8  # further bytes a pixel of 16 bits a channel: another image of Pillow's, and an array
RESIZED = 6  # bytes a pixel of the resized image, in the same way
TURNED = range(5, 9)  # EXIF orientations that change height and width
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
    """The facts of an image file that are known without its pixels.

    Attributes:
        width, height: in pixels.
        grey: whether it has no colours.
        deep: whether it has 16 bits a channel.
    """

    width: int
    height: int
    grey: bool
    deep: bool = False


def images_of(names: Iterable[str]) -> list[str]:
    """The names of image files among some; TIFFs are images where there are none of `SUFFIXES`.

    Beside others they may be what these were made of, and earlier versions left them out.
    """
    names = [*names]
    found = [name for name in names if ends_with(name, *SUFFIXES)]
    return found or [name for name in names if ends_with(name, *TIFF)]


def header(file: BinaryIO, name: str) -> Header:
    """The header of an open image file; errors call it `name`.

    Raises:
        UserError: it is not an image that this project reads.
    """
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # a program may have set other filters since the import
        with _opened(file, name) as image:
            deep = depth.is_deep(image)
            grey = depth.is_grey(image) if deep else image.mode in GREY
            return Header(*_turned_size(image), grey, deep)


def pixels(
    file: BinaryIO,
    name: str,
    *,
    channels: int,
    size: Size | None,
    crop: int | None = None,
    background: str = '',
) -> np.ndarray:
    """An image file as uint8 [H, W, channels]; waits until `MEMORY` has room for it.

    Args:
        file: open for reading.
        name: of the file, for errors.
        channels: 1 (grey; the image must be grey) or 3 (RGB).
        size: of the result: the largest part of its proportions in the middle, resized by `resize`.
            None leaves the image whole.
        crop: side of the square in the middle that is cut out first, at most the shorter side.
        background: a colour of Pillow's that transparent images are laid over; '' refuses them.

    Raises:
        UserError: it is not an image that this project reads.
    """
    with _opened(file, name) as image, _decoding(name), MEMORY.share(_memory(image, size)):
        # In another function, whose arrays are freed before the share is given back.
        if depth.is_deep(image):
            image = depth.at_8_bits(image, file)
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


def _turned_size(image: Image.Image) -> tuple[int, int]:
    """Width and height with the EXIF orientation, as far as it is known without the pixels."""
    turned = 'exif' in image.info and image.getexif().get(ExifTags.Base.Orientation, 1) in TURNED
    return image.size[::-1] if turned else image.size


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
        size = shown_size(image.size[::-1])
        return f'has {size} pixels, too many to decode safely: leave it out'
    if depth.is_deep(image):
        if fault := depth.fault(image):
            return fault
    elif image.mode not in MODES:
        return 'has neither 8 nor 16 bits a channel: convert it, as you find right for its range'
    if getattr(image, 'n_frames', 1) > 1 and image.format != 'MPO':
        return f'has {image.n_frames} frames: save each that you want as an image of its own'
    return ''


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
    size: Size | None,
    crop: int | None,
    background: str,
) -> np.ndarray:
    ImageOps.exif_transpose(image, in_place=True)
    image = _converted(image, 'L' if channels == 1 else 'RGB', name, background)
    if crop:
        image = _centre(image, (min(*image.size, crop),) * 2)
    if size is not None:
        rows, columns = window(image.size[::-1], size)
        image = _centre(image, (rows.stop - rows.start, columns.stop - columns.start))
    array = _array(image, channels)
    image.close()
    return array if size is None else resize(array[None], size)[0]


def _memory(image: Image.Image, size: Size | None) -> int:
    """Bytes that decoding an open image takes at its worst moment, the result included."""
    copies = COPIES_OF.get(image.format, COPIES) + DEEP * depth.is_deep(image)
    result = 0 if size is None else math.prod(pair(size))
    return image.width * image.height * copies + RESIZED * result


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
                    f'{shown(name)} is transparent in places: save it without transparency, or '
                    'give a colour to lay it over, to prepare --background=white, to train '
                    '--config.data.background=white',
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


def _centre(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    height, width = size
    left, top = (image.width - width) // 2, (image.height - height) // 2
    if image.size == (width, height):
        return image
    with contextlib.closing(image):
        return image.crop((left, top, left + width, top + height))


def _array(image: Image.Image, channels: int) -> np.ndarray:
    """The pixels, uint8 [H, W, channels]. They are copied in strips: Pillow copies each twice."""
    array = np.empty((image.height, image.width, channels), np.uint8)
    rows = max(1, STRIP // image.width)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        array[top : top + rows] = np.asarray(strip).reshape(-1, image.width, channels)
    return array
