"""What decoding takes: a budget, whatever the number of threads and the size of the images."""

import io
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_jax.data import pieces
from gan_jax.data.pictures import decode
from gan_jax.data.pictures.budget import Budget
from gan_jax.runtime.errors import UserError
from tests.data.archives.maker import noise, png

ROOT = Path(__file__).parent.parent.parent.parent
GIB = 1 << 30

# The budget ---------------------------------------------------------------------------------------


def test_a_budget_is_never_exceeded_and_is_given_back_whole():
    budget, lock = Budget(100), threading.Lock()
    now, most, met = 0, 0, threading.Barrier(2, timeout=20)

    def work(amount, seed):
        nonlocal now, most
        for _ in range(200):
            with budget.share(amount):
                with lock:
                    now += amount
                    most = max(most, now)
                    assert budget.taken == now <= 100
                with lock:
                    now -= amount

    def together():  # two shares that fit are there at the same time
        with budget.share(50):
            met.wait()

    for target, arguments in ((work, [(a, 0) for a in (60, 50, 30, 7, 100)]), (together, [()] * 2)):
        threads = [threading.Thread(target=target, args=a, daemon=True) for a in arguments]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()
    assert most <= 100
    assert not met.broken
    assert budget.taken == 0


def test_a_share_that_is_larger_than_all_goes_on_alone():
    budget, inside, done = Budget(100), threading.Event(), threading.Event()

    def large():
        with budget.share(10**15):
            assert budget.taken == 100
            inside.set()
        done.set()

    with budget.share(1):
        thread = threading.Thread(target=large, daemon=True)
        thread.start()
        assert not inside.wait(0.1)
    assert done.wait(20)
    thread.join()
    assert budget.taken == 0


@pytest.mark.parametrize('failing', [ValueError, KeyboardInterrupt])
def test_a_fault_gives_its_share_back(failing):
    budget = Budget(100)
    with pytest.raises(failing), budget.share(70):
        raise failing
    assert budget.taken == 0
    with budget.share(100):
        assert budget.taken == 100


def test_an_image_that_is_refused_gives_its_share_back(monkeypatch):
    monkeypatch.setattr(decode, 'MEMORY', budget := Budget(GIB))
    for content in (png(noise(0, 64, 64, 4)), png(noise(0, 64, 64, 3))[:-2000]):
        with pytest.raises(UserError):
            decode.pixels(io.BytesIO(content), 'x', channels=3, size=8)
        assert budget.taken == 0


@pytest.mark.parametrize('room', [1, 2, 3])
def test_no_more_images_are_decoded_at_once_than_there_is_room_for(room, monkeypatch):
    now, most, lock = 0, 0, threading.Lock()

    def watched(*arguments):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        threading.Event().wait(0.02)  # as a decoder, which lets other threads go on
        with lock:
            now -= 1
        return np.zeros((1, 1, 3), np.uint8)

    monkeypatch.setattr(decode, 'MEMORY', Budget(room * 64 * 64 * decode.COPIES))
    monkeypatch.setattr(decode, '_pixels', watched)

    def pixels(file, name):
        return decode.pixels(file, name, channels=3, size=None)

    content = png(noise(0, 64, 64, 3))
    list(decode.in_chunks([(io.BytesIO(content), 'x') for _ in range(20)], pixels))
    assert most == room


def test_what_is_reserved_is_by_the_kind_and_the_sizes():
    for kind, copies in (('PNG', 8), ('BMP', 8), ('GIF', 8), ('JPEG', 12), ('WEBP', 20)):
        with Image.open(io.BytesIO(png(noise(0, 30, 50, 3), kind))) as image:
            assert decode._memory(image, None) == 30 * 50 * copies
            assert decode._memory(image, 100) == 30 * 50 * copies + 100 * 100 * 6
    assert decode.MEMORY.total == GIB
    assert decode.LARGEST * 8 + 8192 * 8192 * 6 < GIB  # the largest does not have to be alone


# Memory -------------------------------------------------------------------------------------------

SIDE = 8192  # the largest image that is read
PEAK = """
import resource, sys
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
from gan_jax import data
from gan_jax.data.pictures import decode
import io
data.load(sys.argv[1], size=8)  # what is loaded on the way counts for nothing
before = peak()
assert data.load(sys.argv[2], size=8).images.shape[1:3] == (8, 8)
print(peak() - before)
"""


def peak(folder, small, place=ROOT):
    """Bytes that loading a folder takes at most, measured by the kernel."""
    command = [sys.executable, '-c', PEAK, f'{small}/', f'{folder}/']
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp('small')
    for n in range(8):
        (folder / f'{n}.png').write_bytes(png(noise(n, 16, 16, 3)))
    return folder


@pytest.fixture(scope='module')
def six(tmp_path_factory):
    """Six names of one image that has 67 megapixels and a fifth of a megabyte."""
    folder = tmp_path_factory.mktemp('six')
    Image.new('RGB', (SIDE, SIDE), (10, 20, 30)).save(folder / '0.png')
    assert (folder / '0.png').stat().st_size < 220_000
    for n in range(1, 6):
        os.link(folder / '0.png', folder / f'{n}.png')
    return folder


@pytest.mark.slow
def test_six_bombs_take_no_more_than_the_budget(six, small):
    assert peak(six, small) < 1.1 * GIB


KINDS = {
    'rgb.png': dict(mode='RGB'),
    'palette.png': dict(mode='P'),
    'alpha.png': dict(mode='RGBA'),
    'grey alpha.png': dict(mode='LA'),
    'turned.png': dict(mode='RGB', turned=True),
    'grey.jpg': dict(mode='L'),
    'progressive.jpg': dict(mode='RGB', progressive=True, subsampling=0),
    'cmyk.jpg': dict(mode='CMYK', progressive=True),
    'turned.jpg': dict(mode='RGB', turned=True),
    'colour.webp': dict(mode='RGB', method=0),
    'alpha.webp': dict(mode='RGBA', method=0, lossless=True),
    'palette.gif': dict(mode='P'),
    'grey.bmp': dict(mode='L'),
}
COST = """
import io, resource, sys
from PIL import Image
from gan_jax.data.pictures import decode
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
def pixels(path):
    content = open(path, 'rb').read()
    channels = 1 if decode.header(io.BytesIO(content), path).grey else 3
    file = io.BytesIO(content)
    del content
    before = peak()
    decode.pixels(file, path, channels=channels, size=int(sys.argv[1]) or None)
    return peak() - before
small, large = sys.argv[2:]
pixels(small)
with Image.open(large) as image:
    reserved = decode._memory(image, int(sys.argv[1]))
print(pixels(large) / reserved)
"""


@pytest.mark.slow
@pytest.mark.parametrize('size', [0, 3000])
@pytest.mark.parametrize('name', KINDS)
def test_each_kind_takes_what_is_reserved_for_it(name, size, tmp_path):
    """Of noise, which a decoder cannot keep small."""
    options = {**KINDS[name]}
    mode, turned = options.pop('mode'), options.pop('turned', False)
    if turned:
        options['exif'] = Image.Exif()
        options['exif'][0x0112] = 6
    for place, side in (('small', 16), ('large', 3000)):
        image = Image.fromarray(noise(0, side, side, 3))
        image = image.quantize(64) if mode == 'P' else image.convert(mode)
        (tmp_path / place).mkdir()
        image.save(tmp_path / place / name, **options)
    command = [sys.executable, '-c', COST, str(size)]
    command += [str(tmp_path / place / name) for place in ('small', 'large')]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1.15


# Order, and files that wait -----------------------------------------------------------------------


def test_files_that_wait_are_bounded_and_keep_their_order(monkeypatch):
    """A file is read when few enough bytes wait; the next has one image of the last's size."""
    content = [png(noise(n, 40, 40, 3)) for n in range(24)]
    most = len(max(content, key=len))
    monkeypatch.setattr(decode, 'WAITING', 3 * most)
    read, decoded, behind, lock = 0, 0, [], threading.Lock()
    release = threading.Event()

    def items():
        nonlocal read
        for n, c in enumerate(content):
            with lock:
                behind.append(read - decoded)
                read += 1
            yield io.BytesIO(c), str(n)

    def pixels(file, name):
        nonlocal decoded
        if name != '0':
            release.wait(0.02)
        image = decode.pixels(file, name, channels=3, size=None)
        with lock:
            decoded += 1
        return image

    images = np.concatenate(list(decode.in_chunks(items(), pixels)))
    expected = [np.asarray(Image.open(io.BytesIO(c))) for c in content]
    np.testing.assert_array_equal(images, expected)
    # Between the end of a decode and that of its future there is a moment.
    assert 1 <= max(behind) <= 3 + 1


def test_after_a_fault_the_others_are_not_decoded():
    seen = []

    def pixels(file, name):
        seen.append(name)
        if name == '1':
            raise UserError('x')
        threading.Event().wait(0.01)
        return np.zeros((1, 1, 1), np.uint8)

    items = ((io.BytesIO(), str(n)) for n in range(257))
    with pytest.raises(UserError):
        list(decode.in_chunks(items, pixels))
    assert len(seen) < 200


@pytest.mark.parametrize('shape', [(100, 2, 2, 3), (3, 300, 300, 1)])
def test_images_that_become_large_come_in_small_pieces(shape, monkeypatch):
    monkeypatch.setattr(pieces, 'DECODED', 7 * 50 * 50 * shape[3])
    images = noise(0, *shape)
    found = [p.array for p in pieces.resized([pieces.Piece('train', 'images', images)], 50)]
    assert max(map(len, found)) <= 7
    np.testing.assert_array_equal(np.concatenate(found), pieces.fitted(images, 50))


def test_a_split_is_once_in_memory():
    """The pieces are given up as they are joined."""
    arrays = [np.full((2, 64, 64, 3), n, np.uint8) for n in range(32)]
    kept = [weakref.ref(array) for array in arrays]
    left, sizes = [*map(len, arrays)], []

    class Watched(list):
        def pop(self, *place):
            sizes.append(sum(array() is not None for array in kept))
            return super().pop(*place)

    given = Watched(arrays)
    del arrays
    joined = pieces._joined(given)
    assert len(joined) == sum(left)
    assert joined[::2, 0, 0, 0].tolist() == [*range(32)]
    assert sizes == [32, *range(32, 1, -1)]
