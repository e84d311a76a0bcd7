"""Archives that are cut or lie, in every way that chance finds: a sentence, or a data set."""

import gzip
import io
import json
import random
import tarfile
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest

from gan_jax import data
from gan_jax.data import sources
from gan_jax.data.archives import table
from gan_jax.data.pictures import decode
from gan_jax.runtime.errors import DATA, MISSING, USAGE, UserError
from tests.data.archives import maker as made
from tests.data.archives.maker import noise, png, write_tar, write_zip

IMAGES = {f'{c}/{n}.png': png(noise(n, 8, 8, 3)) for n, c in enumerate('aab')}
# What headers count with, and what no header should.
NUMBERS = [0, 1, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
TEXTS = [
    b'-1',
    b'99999999999999',
    b'1e9',
    b'(',
    b'}',
    b"'",
    b'\0',
    b'\xff\xfe',
    b'00000000000',
    b'O',
]


def mutated(content: bytes, draw: random.Random) -> bytes:
    """The bytes with one to four faults of one kind each."""
    content = bytearray(content)
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        # Half of them near the start or the end, where headers are.
        size = len(content)
        place = draw.randrange(size) if size else 0
        if draw.random() < 0.5:
            place = draw.choice([place % 200, size - 1 - place % 200]) % max(size, 1)
        length = draw.choice([1, 2, 4, 8, 100])
        kind = draw.randrange(7)
        if kind == 0 and size:
            content[place] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del content[place:]
        elif kind == 2:
            del content[place : place + length]
        elif kind == 3:
            content[place:place] = content[place : place + length]
        elif kind == 4:
            content[place : place + 4] = draw.choice(NUMBERS).to_bytes(4, 'little')
        elif kind == 5:
            text = draw.choice(TEXTS)
            content[place : place + len(text)] = text
        else:
            content[place : place + length] = draw.randbytes(length)
    return bytes(content)


def npz(mutate):
    """A .npz; the faults are in the file, or in an array of a zip that is sound."""
    arrays = {'images': noise(0, 4, 8, 8, 3), 'labels': np.array([0, 1, 2, 1])}
    files = {}
    for name, array in arrays.items():
        np.save(file := io.BytesIO(), array)
        files[f'{name}.npy'] = file.getvalue()
    return zipped(files, mutate)


def packed_zip(mutate):
    return zipped(IMAGES, mutate)


def labelled_zip(mutate):
    """As StyleGAN's tools write it; the faults inside are those of its labels."""
    files = {f'00000/img0000000{n}.png': png(noise(n, 8, 8, 3)) for n in range(3)}
    said = {'labels': [[name, n] for n, name in enumerate(files)], 'class_names': ['a', 'b', 'c']}
    json_file = json.dumps(said).encode()
    if mutate.draw.random() < 0.5:
        return zipped({**files, 'dataset.json': mutate(json_file)}, lambda content: content, mutate)
    return zipped({**files, 'dataset.json': json_file}, mutate)


def zipped(files, mutate, drawn=None):
    draw = (drawn or mutate).draw
    kind = draw.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    inside = draw.random() < 0.5
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', kind) as archive:
        for name, content in files.items():
            archive.writestr(name, mutate(content) if inside else content)
    return file.getvalue() if inside else mutate(file.getvalue())


def packed_tar(mutate):
    draw = mutate.draw
    inside, form = draw.random() < 0.3, draw.choice([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode='w', format=form) as archive:
        for name, content in {**IMAGES, f'b/{"long" * 60}.png': IMAGES['b/2.png']}.items():
            content = mutate(content) if inside else content
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue() if inside else mutate(file.getvalue().rstrip(b'\0') + bytes(1024))


FORMS = {'x.npz': npz, 'x.zip': packed_zip, 'x.tar': packed_tar, 'labelled.zip': labelled_zip}


def tried(call):
    """'read', or the status of a `UserError`; every other exception fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of names that come twice, and of headers by Python 2
        try:
            call()
        except UserError as error:
            assert error.status in (DATA, MISSING, USAGE)
            lines = str(error).split('\n')  # one for each image that is refused
            assert all(line.isprintable() and len(line) < 1200 for line in lines), str(error)
            return error.status
    return 'read'


def many(count, first):
    for seed in range(first, first + count):
        draw = random.Random(seed)

        def mutate(content, draw=draw):
            return mutated(content, draw)

        mutate.draw = draw
        yield seed, mutate


@pytest.mark.parametrize('name', FORMS)
@pytest.mark.parametrize('count', [200, pytest.param(2000, marks=pytest.mark.slow)])
def test_images_in_an_archive(name, count, tmp_path):
    found = []
    for seed, mutate in many(count, 1000 * count):
        (tmp_path / name).write_bytes(FORMS[name](mutate))
        try:
            found.append(tried(lambda: data.load(f'{tmp_path}/{name}', size=8)))
        except BaseException as error:
            error.add_note(f'seed {seed}')
            raise
    assert found.count(DATA) > count / 3
    assert found.count('read') > count / 50


ARCHIVES = {
    'cifar10': lambda folder: made.cifar10(folder, per_batch=4)[0],
    'mnist': lambda folder: made.mnist(folder)[0],
    'emnist': lambda folder: made.emnist(folder)[0],
    'svhn': lambda folder: made.svhn(folder)[0],
    'imagenet': lambda folder: made.imagenet(folder)[0],
    'imagenet32': lambda folder: made.imagenet32(folder)[0],
    'celeb_a': lambda folder: made.celeb_a(folder)[0],
}


@pytest.mark.parametrize('name', ARCHIVES)
@pytest.mark.parametrize('count', [40, pytest.param(2000, marks=pytest.mark.slow)])
def test_published_archives(name, count, tmp_path):
    source = ARCHIVES[name](tmp_path)
    paths = sources.find(name, str(source))
    size = 8 if table.ARCHIVES[name].photographs else None
    sound = {path: path.read_bytes() for path in paths.values()}
    found = []
    for seed, mutate in many(count, 2000 * count):
        path = mutate.draw.choice([*sound])
        content = sound[path]
        if content[:2] == b'\x1f\x8b' and mutate.draw.random() < 0.7:
            path.write_bytes(gzip.compress(mutate(gzip.decompress(content)), 1))
        else:
            path.write_bytes(mutate(content))
        try:
            found.append(tried(lambda: [*sources.open_source(name, paths, size).pieces]))
        except BaseException as error:
            error.add_note(f'seed {seed}')
            raise
        path.write_bytes(content)
    assert found.count(DATA) > count / 10


# Headers that lie ---------------------------------------------------------------------------------


def npy(shape, content=b'x' * 100, descr='|u1', version=(1, 0), more=''):
    """An array whose header says that shape, as text or numbers."""
    head = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, {more}}}".encode()
    length = len(head).to_bytes(2 if version == (1, 0) else 4, 'little')
    return b'\x93NUMPY' + bytes(version) + length + head + content


LIES = {
    'a million million images': npy((10**12, 8, 8, 3)),
    'more than a word counts': npy((2**63, 2**63, 2**63, 3)),
    'a product that overflows to 0': npy((4, 2**32, 2**32, 3)),
    'a product that overflows to less': npy((4, 2**31, 2**33 + 1, 3)),
    'negative': npy((-1, 8, 8, 3)),
    'negative and as long as that': npy((-1, 8, 8, 3), b''),
    'negative sides': npy((4, -8, -8, 3)),
    'a huge image': npy((1, 10**6, 10**6, 3)),
    'a huge image of zeros': npy((1, 9000, 9000, 3), bytes(10**6)),
    'floats': npy('(1.0, 8, 8, 3)'),
    'a name': npy('(N, 8, 8, 3)'),
    'nothing': npy(''),
    'no bracket': npy('(((((('),
    'much': npy('(' * 9000),
    'deep': npy('-' * 9000 + '1'),
    'too long': npy((4, 8, 8, 3), more="'x': '" + 'y' * 20_000 + "'"),
    'another version': npy((4, 8, 8, 3), version=(2, 0)),
    'an unknown version': npy((4, 8, 8, 3), version=(9, 9)),
    'a header of gigabytes': b'\x93NUMPY\2\0\xff\xff\xff\xff' + b' ' * (1 << 24),
    'no type': npy((4, 8, 8, 3), descr='nothing'),
    'a record': npy((4, 8, 8, 3), descr=[('a', '|u1')]),
    'a text of no length': npy((4, 8, 8, 3), descr='|S0'),
}


@pytest.mark.parametrize('member', ['images', 'labels'])
@pytest.mark.parametrize('lie', LIES)
def test_a_header_that_lies_is_a_sentence_and_takes_no_memory(lie, member, tmp_path):
    files = {'images.npy': npy((4, 8, 8, 3), noise(0, 4, 8, 8, 3).tobytes())}
    with zipfile.ZipFile(tmp_path / 'x.npz', 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**files, f'{member}.npy': LIES[lie]}.items():
            archive.writestr(name, content)
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as caught:
            data.load(f'{tmp_path}/x.npz', size=8)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.status == DATA
    assert f'{tmp_path}/x.npz' in str(caught.value)
    assert most < 8 << 20


@pytest.mark.parametrize('lie', ['no bracket', 'deep', 'much', 'floats', 'negative', 'no type'])
def test_a_header_that_cannot_be_parsed_names_its_array(lie, tmp_path):
    write_zip(tmp_path / 'x.npz', {'images.npy': LIES[lie]})
    with pytest.raises(UserError, match="x.npz: 'images' is no array: save it again"):
        data.load(f'{tmp_path}/x.npz')


@pytest.mark.parametrize('member', ['data', 'labels'])
@pytest.mark.parametrize('lie', LIES)
def test_a_header_in_imagenet32_that_lies(lie, member, tmp_path):
    arrays = {'data': npy((2, 3072), bytes(6144)), 'labels': npy((2,), b'\1\2')}
    write_zip(
        inner := tmp_path / 'inner',
        {f'{n}.npy': c for n, c in arrays.items()} | {f'{member}.npy': LIES[lie]},
    )
    path = write_zip(tmp_path / 'x.zip', {'train_data_batch_1.npz': inner.read_bytes()})
    paths = {'Imagenet32_train_npz.zip': path}
    pieces = sources.open_source('imagenet32', paths, None).pieces
    with pytest.raises(UserError) as caught:
        list(pieces)
    assert caught.value.status == DATA
    assert 'x.zip' in str(caught.value)


@pytest.mark.parametrize('labels', [np.array([1.5, 2]), np.ones((2, 1), int), np.array(['1', '2'])])
def test_labels_in_imagenet32_that_are_none(labels, tmp_path):
    np.savez(file := io.BytesIO(), data=np.zeros((2, 3072), np.uint8), labels=labels)
    path = write_zip(tmp_path / 'x.zip', {'train_data_batch_1.npz': file.getvalue()})
    pieces = sources.open_source('imagenet32', {'Imagenet32_train_npz.zip': path}, None).pieces
    with pytest.raises(UserError, match='holds no numbers for labels: get it again'):
        list(pieces)


def test_a_zip_that_holds_an_array_by_half_a_name(tmp_path):
    write_zip(tmp_path / 'x.npz', {'images': b'x', 'labels': b'x'})
    with pytest.raises(UserError, match="holds no array 'images' but nothing"):
        data.load(f'{tmp_path}/x.npz')


def test_the_largest_image_of_an_npz(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, 'LARGEST', 63)
    np.savez(tmp_path / 'x.npz', images=noise(0, 2, 8, 8, 3))
    with pytest.raises(UserError, match='holds images of 8x8 pixels, too many'):
        data.load(f'{tmp_path}/x.npz')
    monkeypatch.setattr(decode, 'LARGEST', 64)
    assert len(data.load(f'{tmp_path}/x.npz').images) == 2


@pytest.mark.parametrize('label', [-1, 10**6, 2**31, 2**40])
def test_labels_that_no_class_has(label, tmp_path):
    np.savez(tmp_path / 'x.npz', images=noise(0, 2, 8, 8, 3), labels=[0, label])
    with pytest.raises(UserError, match="'labels' must count from 0"):
        data.load(f'{tmp_path}/x.npz')


@pytest.mark.parametrize('size', [64, 8192])
def test_a_size_that_does_not_fit_in_memory(size, monkeypatch):
    if size == 64:
        monkeypatch.setattr(data, 'MEMORY', 360 * 64 * 64 - 1)
    with pytest.raises(UserError, match=f'GB of memory with {size}x{size} pixels: choose a sm'):
        data.load('digits', split='test', size=size)
    assert data.load('digits', split='test', size=63).images.shape == (360, 63, 63, 1)


def test_a_tar_of_names_that_are_absurdly_deep(tmp_path):
    names = [f'{"d/" * 10_000}{n}.png' for n in range(50)]
    path = write_tar(tmp_path / 'x.tar', dict.fromkeys(names, IMAGES['a/0.png']), 'w')
    assert len(data.load(str(path)).images) == 50


def test_what_the_disk_refuses_is_no_damage(tmp_path, monkeypatch):
    """An input that fails is another fault than an archive that is damaged."""
    path = write_zip(tmp_path / 'x.zip', IMAGES)

    def broken(*arguments):
        raise OSError(5, 'Input/output error', str(path))

    monkeypatch.setattr(zipfile.ZipFile, 'open', broken)
    with pytest.raises(OSError, match='Input/output'):
        data.load(str(path))
