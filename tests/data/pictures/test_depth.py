"""Images of 16 bits a channel become v / 257 to the nearest, from every form that holds them."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from gan_jax import data
from gan_jax.data.pictures import decode, depth
from gan_jax.runtime.errors import UserError

RNG = np.random.default_rng(0)
COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}  # of a PNG, by its channels


def drawn(channels, height=6, width=10):
    """Numbers of 16 bits; of an opacity, the last of 2 or 4 channels, only the largest."""
    numbers = RNG.integers(0, 1 << 16, (height, width, channels), np.uint16)
    if channels in (2, 4):
        numbers[..., -1] = 65535
    return numbers


def chunk(kind, content):
    checked = kind + content
    return struct.pack('>I', len(content)) + checked + struct.pack('>I', zlib.crc32(checked))


def png(numbers, *more):
    """A PNG by its specification, without a filter: Pillow writes none of 16-bit colours."""
    height, width, channels = numbers.shape
    header = struct.pack('>IIBBBBB', width, height, 16, COLOURS[channels], 0, 0, 0)
    rows = b''.join(b'\0' + row.astype('>u2').tobytes() for row in numbers)
    parts = [
        chunk(b'IHDR', header),
        *more,
        chunk(b'IDAT', zlib.compress(rows)),
        chunk(b'IEND', b''),
    ]
    return b'\x89PNG\r\n\x1a\n' + b''.join(parts)


def tiff(numbers, order='<', apart=False, inverted=False):
    """An uncompressed TIFF by its specification, in either order of the bytes."""
    height, width, channels = numbers.shape
    content = numbers.transpose(2, 0, 1) if apart else numbers
    content = content.astype(f'{order}u2').tobytes()
    short, long = 3, 4
    bits = struct.pack(f'{order}{channels}H', *[16] * channels)
    entries = [
        (256, short, 1, width),
        (257, short, 1, height),
        (258, short, channels, 16 if channels == 1 else 8),
        (259, short, 1, 1),
        (262, short, 1, (0 if inverted else 1) if channels == 1 else 2),
        (273, long, 1, 8 + len(bits)),
        (277, short, 1, channels),
        (278, short, 1, height),
        (279, long, 1, len(content)),
        (284, short, 1, 2 if apart else 1),
    ]
    start = 8 + len(bits) + len(content)
    table = struct.pack(f'{order}H', len(entries))
    for tag, kind, count, value in entries:
        packed = struct.pack(f'{order}{"H2x" if kind == short and count == 1 else "I"}', value)
        table += struct.pack(f'{order}HHI', tag, kind, count) + packed
    head = (b'II' if order == '<' else b'MM') + struct.pack(f'{order}HI', 42, start)
    return head + bits + content + table + bytes(4)


def saved(numbers, **options):
    """A grey TIFF by Pillow, which can compress it."""
    file = io.BytesIO()
    Image.fromarray(numbers[..., 0]).save(file, 'TIFF', **options)
    return file.getvalue()


def nearest(numbers):
    return np.rint(numbers.astype(np.float64) / 257).astype(np.uint8)


def test_every_number_is_rounded_to_the_nearest():
    numbers = np.arange(1 << 16, dtype=np.uint16)
    np.testing.assert_array_equal(depth.rounded(numbers), nearest(numbers))
    assert (depth.rounded(numbers) != numbers >> 8).any()  # the upper byte is another number


FORMS = {
    'grey.png': (png, 1, {}),
    'grey_opaque.png': (png, 2, {}),
    'rgb.png': (png, 3, {}),
    'rgba.png': (png, 4, {}),
    'grey.tif': (tiff, 1, {}),
    'grey_motorola.TIFF': (tiff, 1, {'order': '>'}),
    'rgb.tif': (tiff, 3, {}),
    'rgb_motorola.tif': (tiff, 3, {'order': '>'}),
    'lzw.tif': (saved, 1, {'compression': 'tiff_lzw'}),
}


@pytest.mark.parametrize('name', FORMS)
def test_a_file_is_rounded_to_the_nearest_and_it_is_said(name, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(depth, 'STRIP', 25)  # two rows at once
    make, channels, options = FORMS[name]
    numbers = drawn(channels)
    (tmp_path / name).write_bytes(make(numbers, **options))
    found = data.load(f'{tmp_path}/').images[0]
    colours = numbers[..., : 1 if channels < 3 else 3]
    np.testing.assert_array_equal(found, nearest(colours))
    said = '1 image has 16 bits a channel, which are rounded to 8: 65535 becomes 255'
    said += f', such as {name}'
    assert said in capsys.readouterr().err


def test_the_header_knows_the_colours():
    for channels, grey in {1: True, 2: True, 3: False, 4: False}.items():
        assert decode.header(io.BytesIO(png(drawn(channels))), 'x') == (10, 6, grey, True)


def test_the_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    for channels in (1, 3):
        numbers = drawn(channels)
        content = png(numbers, chunk(b'eXIf', exif.tobytes()[6:]))
        (tmp_path / f'{channels}').mkdir()
        (tmp_path / f'{channels}' / 'a.png').write_bytes(content)
        found = data.load(f'{tmp_path}/{channels}').images[0]
        np.testing.assert_array_equal(found, np.rot90(nearest(numbers), -1))


@pytest.mark.parametrize(
    ('name', 'content', 'words'),
    [
        (
            'seen.png',
            png(drawn(1), chunk(b'tRNS', b'\x12\x34')),
            '16 bits a channel and a transparent',
        ),
        ('half.png', png(np.full((4, 4, 4), 40_000, np.uint16)), 'is transparent in places'),
        ('apart.tif', tiff(drawn(3), apart=True), 'numbers of 16 bits in an unusual form'),
        ('white.tif', tiff(drawn(1), inverted=True), 'numbers of 16 bits in an unusual form'),
    ],
)
def test_what_needs_a_decision_is_refused(name, content, words, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=words):
        data.load(f'{tmp_path}/')


def test_floats_are_refused(tmp_path):
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / 'a.tif')
    with pytest.raises(UserError, match='a.tif has neither 8 nor 16 bits a channel'):
        data.load(f'{tmp_path}/')


def test_tiffs_are_images_where_there_are_no_others(tmp_path, capsys):
    """A data set of an earlier version keeps its images."""
    eight = (drawn(3) >> 8).astype(np.uint8)
    Image.fromarray(eight).save(tmp_path / 'a.tif')
    np.testing.assert_array_equal(data.load(f'{tmp_path}/').images, eight[None])
    assert '16 bits' not in capsys.readouterr().err
    (tmp_path / 'b.png').write_bytes(png(drawn(3)))
    assert len(data.load(f'{tmp_path}/').images) == 1
    (tmp_path / 'notes.txt').write_bytes(b'x')
    assert len(data.load(f'{tmp_path}/').images) == 1
    said = capsys.readouterr().err
    assert '1 TIFF is left out, such as a.tif, as there are images of other formats' in said
    assert '1 other file is left out, such as notes.txt' in said


def test_an_array_is_rounded_too(tmp_path, capsys):
    numbers = drawn(3)[None]
    np.savez(tmp_path / 'a.npz', images=numbers)
    np.testing.assert_array_equal(data.load(f'{tmp_path}/a.npz').images, nearest(numbers))
    assert 'the images have 16 bits a channel, which are rounded' in capsys.readouterr().err
