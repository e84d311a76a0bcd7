"""Archives in their publishers' formats: every byte read back, every damage a sentence."""

import gzip
import io
import re
import tarfile
import zipfile

import numpy as np
import pytest

from gan_jax import data, prepare
from gan_jax.data import sources
from gan_jax.data.archives import binary, cifar, table
from gan_jax.data.pieces import Content
from gan_jax.data.prepared import write_prepared
from gan_jax.runtime.errors import DATA, MISSING, UserError
from tests.data.archives import maker as made

MAKERS = {
    'cifar10': made.cifar10,
    'cifar100': made.cifar100,
    'mnist': made.mnist,
    'emnist': made.emnist,
    'stl10': made.stl10,
    'svhn': made.svhn,
    'imagenet32': made.imagenet32,
    'imagenet': made.imagenet,
    'celeb_a': made.celeb_a,
}
# Read as one of the above is, with other files.
SAME = {'fashion_mnist': 'mnist', 'kmnist': 'mnist', 'imagenet64': 'imagenet32'}


def test_every_archive_is_tried():
    assert table.ARCHIVES.keys() == MAKERS.keys() | SAME.keys()
    for name, like in SAME.items():
        assert table.ARCHIVES[name].read is table.ARCHIVES[like].read


@pytest.mark.parametrize('name', MAKERS)
def test_an_archive_gives_its_images_in_order(name, tmp_path):
    source, known = MAKERS[name](tmp_path)
    size = ['--size=16'] if table.ARCHIVES[name].photographs else []
    out = tmp_path / 'out'
    prepare.main([f'--dataset={name}', f'--source={source}', f'--data_dir={out}', *size])
    for split, (images, labels) in known.items():
        dataset = data.load(name, out, split)
        np.testing.assert_array_equal(dataset.images, images)
        assert dataset.images.dtype == np.uint8
        if labels is None:
            assert dataset.labels is None
            assert dataset.num_classes == 0
        else:
            np.testing.assert_array_equal(dataset.labels, labels)
            assert dataset.labels.dtype == np.int32
            assert dataset.num_classes == table.ARCHIVES[name].num_classes
    assert {p.name for p in (out / name).iterdir()} == known.keys()


def test_the_table_is_complete():
    for name, archive in table.ARCHIVES.items():
        assert archive.page or all(file.url for file in archive.files), name
        for file in archive.files:
            assert re.fullmatch(r'[0-9a-f]{64}', file.sha256), file.name
            assert file.size > 1000
            assert not file.url or file.url.endswith(f'/{file.name}')
    files = [file for archive in table.ARCHIVES.values() for file in archive.files]
    assert len({file.sha256 for file in files}) == len(files)


# Damage ------------------------------------------------------------------------------------------


def read(name, path, size=None):
    """All pieces of an archive of one file."""
    paths = {table.ARCHIVES[name].files[0].name: path}
    return list(sources.open_source(name, paths, size).pieces)


def cut(path, keep):
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    return path


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 0x55
    path.write_bytes(content)
    return path


def without(folder, name):
    """CIFAR-10 without one of its members."""
    source, _ = made.cifar10(folder, per_batch=10)
    with tarfile.open(source) as archive:
        members = {m.name: archive.extractfile(m).read() for m in archive}
    members = {n: c for n, c in members.items() if not n.endswith(name)}
    return made.write_tar(source, members)


def refused(source, name='cifar10'):
    with pytest.raises(UserError) as caught:
        read(name, source)
    assert caught.value.status == DATA
    assert str(source) in str(caught.value)
    assert '\n' not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize('keep', [0, 0.001, 0.1, 0.5, 0.9, 0.98])
def test_a_cut_archive_is_refused(keep, tmp_path):
    refused(cut(made.cifar10(tmp_path, per_batch=10)[0], keep))


def test_a_flipped_byte_in_compressed_data_is_refused(tmp_path):
    refused(flip(made.cifar10(tmp_path, per_batch=10)[0], 0.5))


def test_another_version_of_cifar_is_refused(tmp_path):
    source = made.write_tar(tmp_path / 'cifar-10-python.tar.gz', {'cifar-10/data_batch_1': b'x'})
    assert 'holds no data_batch_1.bin: it must be the version "for C' in refused(source)
    (tmp_path / 'text.tar.gz').write_text('<html>not found</html>' * 100)
    refused(tmp_path / 'text.tar.gz')
    assert 'holds no data_batch_3.bin' in refused(without(tmp_path, 'data_batch_3.bin'))


def test_a_member_of_a_wrong_size_is_refused(tmp_path):
    members = {name: bytes(3073) for name in cifar.TEN}
    members['test_batch.bin'] = bytes(3072)
    source = made.write_tar(tmp_path / 'a.tar.gz', members)
    assert 'test_batch.bin of ' in refused(source)


def test_a_member_that_is_far_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar, 'LARGEST', 3073 * 9)
    assert len(read('cifar10', made.cifar10(tmp_path, per_batch=9)[0])) == 12
    source, _ = made.cifar10(tmp_path, per_batch=10)
    assert 'larger than any batch' in refused(source)


@pytest.mark.parametrize('kind', [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_a_link_or_device_in_the_place_of_a_member_is_refused(kind, tmp_path):
    with tarfile.open(tmp_path / 'a.tar', 'w') as archive:
        info = tarfile.TarInfo('data_batch_1.bin')
        info.type, info.linkname = kind, '/etc/passwd'
        archive.addfile(info)
    assert 'data_batch_1.bin twice or as a link' in refused(tmp_path / 'a.tar')


def test_a_member_that_is_there_twice_is_refused(tmp_path):
    with tarfile.open(tmp_path / 'a.tar', 'w') as archive:
        for folder in ('a', 'b'):
            info = tarfile.TarInfo(f'{folder}/test_batch.bin')
            info.size = 3073
            archive.addfile(info, io.BytesIO(bytes(3073)))
    assert 'twice' in refused(tmp_path / 'a.tar')


def test_paths_that_lead_out_are_of_no_effect(tmp_path):
    members = {f'../../{name}': bytes(3073) for name in cifar.TEN} | {'/tmp/evil': b'x'}
    source = made.write_tar(tmp_path / 'a.tar.gz', members)
    before = sorted(tmp_path.rglob('*'))
    assert len(read('cifar10', source)) == 12
    assert sorted(tmp_path.rglob('*')) == before


def test_a_label_out_of_range_is_refused(tmp_path):
    content = bytearray(3073 * 2)
    content[3073] = 10
    source = made.write_tar(tmp_path / 'a.tar.gz', {n: bytes(content) for n in cifar.TEN})
    with pytest.raises(UserError, match="a label of the split 'train' lies outside 0 to 9"):
        write_prepared(tmp_path / 'out', read('cifar10', source), {}, num_classes=10)
    assert not list(tmp_path.glob('out*'))


@pytest.mark.parametrize(
    ('content', 'sentence'),
    [
        (b'', 'is no IDX file'),
        (b'\0\0\x0d\x03' + bytes(12), 'is no IDX file'),
        (b'\0\0\x08\x02' + bytes(8), 'is no IDX file'),
        (b'\0\0\x08\x03' + bytes(5), 'is no IDX file'),
        (made.idx(made.noise(0, 3, 28, 28))[:-1], 'ends in the middle of an image'),
        (made.idx(made.noise(0, 3, 28, 28))[:-784], 'declares 3 entries and holds 2'),
        (made.idx(made.noise(0, 3, 28, 28)) + bytes(784), 'declares 3 entries and holds 4'),
        (b'\0\0\x08\x03\0\0\0\x01' + b'\xff' * 8, 'declares images of'),
        (gzip.compress(made.idx(made.noise(0, 3, 28, 28)))[:-9], 'damaged'),
    ],
)
def test_a_damaged_idx_file_is_refused(content, sentence, tmp_path):
    (tmp_path / 'train').write_bytes(content)
    assert sentence in refused(tmp_path / 'train', 'mnist')


@pytest.mark.parametrize('name', ['svhn', 'emnist', 'stl10', 'imagenet', 'imagenet32'])
def test_another_file_is_refused(name, tmp_path):
    (tmp_path / 'file').write_bytes(made.noise(0, 5000).tobytes())
    with pytest.raises(UserError) as caught:
        read(name, tmp_path / 'file', 16)
    assert caught.value.status == DATA
    (tmp_path / 'file.zip').write_bytes(b'')
    with zipfile.ZipFile(tmp_path / 'file.zip', 'w') as archive:
        archive.writestr('readme.txt', 'nothing')
    with pytest.raises(UserError):
        read(name, tmp_path / 'file.zip', 16)


def test_a_partition_that_names_no_image_is_refused(tmp_path):
    source, _ = made.celeb_a(tmp_path)
    (tmp_path / 'list_eval_partition.txt').write_text('000001.jpg 0\n999999.jpg 1\n')
    with pytest.raises(UserError, match='"999999.jpg 1" names no image of the zip'):
        content: Content = sources.open_source('celeb_a', sources.find('celeb_a', str(source)), 16)
        list(content.pieces)


# Finding -----------------------------------------------------------------------------------------


def test_files_are_found_in_a_folder_or_by_their_paths(tmp_path):
    folder, _ = made.mnist(tmp_path)
    by_folder = sources.find('mnist', str(folder))
    assert by_folder['t10k-images-idx3-ubyte.gz'] == folder / 't10k-images-idx3-ubyte'
    by_path = sources.find('mnist', ','.join(map(str, by_folder.values())))
    assert by_path == by_folder
    assert [*by_folder] == [file.name for file in table.ARCHIVES['mnist'].files]


def test_a_file_that_is_missing_is_named(tmp_path):
    folder, _ = made.mnist(tmp_path)
    (folder / 't10k-images-idx3-ubyte').unlink()
    with pytest.raises(UserError, match='lacks t10k-images-idx3-ubyte.gz, which') as caught:
        sources.find('mnist', str(folder))
    assert caught.value.status == MISSING
    with pytest.raises(UserError, match='nowhere does not exist'):
        sources.find('mnist', f'{folder},nowhere')


def test_tars_give_members_in_one_pass(tmp_path):
    source = made.write_tar(tmp_path / 'a.tar', {'x/b': b'2', 'x/a': b'1', 'x/c': b'3'}, 'w')
    with source.open('rb') as file:
        members = binary.members(file, source, {'a', 'b'}, 'it')
        found = [(name, member.read()) for name, member in members]
    assert found == [('b', b'2'), ('a', b'1')]


@pytest.mark.parametrize('classes', [3, 1000])
def test_imagenets_classes_are_named_by_the_archive_where_it_is_whole(
    classes, tmp_path, monkeypatch
):
    archive = table.ARCHIVES['imagenet']._replace(num_classes=classes)
    monkeypatch.setitem(table.ARCHIVES, 'imagenet', archive)
    path, _ = made.imagenet(tmp_path)
    found = sources.open_source('imagenet', sources.find('imagenet', str(path)), 16)
    names = ('n01440764', 'n02119789', 'n03000684')
    assert found.class_names == (names if classes == 3 else None)
    assert sum(len(p.array) for p in found.pieces if p.kind == 'images') == 6
