"""What is no regular file is refused in a sentence, never opened; and folders that have no end."""

import contextlib
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gan_jax import data, prepare
from gan_jax.data import prepared
from gan_jax.data.pictures import listing
from gan_jax.data.pieces import Piece
from gan_jax.runtime import paths
from gan_jax.runtime.errors import DATA, MISSING, UserError
from tests.data.archives import maker as made
from tests.data.archives.maker import noise, png


@pytest.fixture(autouse=True)
def in_seconds():
    """What hangs is interrupted."""

    def late(*_):
        raise AssertionError('it hangs')

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def pipe(path):
    os.mkfifo(path)


def link_to_pipe(path):
    os.mkfifo(path.with_name('pipe'))
    path.symlink_to(path.with_name('pipe'))


def link_to_device(path):
    path.symlink_to('/dev/zero')


def bound_socket(path):
    here = os.getcwd()
    os.chdir(path.parent)  # the address of a socket is short
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(path.name)
    os.chdir(here)


SPECIAL = {
    pipe: 'a pipe',
    link_to_pipe: 'a pipe',
    link_to_device: 'a device',
    bound_socket: 'a socket',
    Path.mkdir: 'a folder',
}
special = pytest.mark.parametrize(('make', 'kind'), SPECIAL.items())


def refused(call, *parts, status=DATA):
    with pytest.raises(UserError) as caught:
        call()
    assert caught.value.status == status
    assert str(caught.value).isprintable()
    for part in parts:
        assert part in str(caught.value)


@special
def test_only_a_regular_file_is_opened(make, kind, tmp_path):
    make(tmp_path / 'x')
    for call in (paths.check_regular, paths.opened):
        refused(lambda call=call: call(tmp_path / 'x'), f'{tmp_path}/x is {kind} where a file')
    (tmp_path / 'y').write_bytes(b'123')
    (tmp_path / 'z').symlink_to('y')
    with paths.opened(tmp_path / 'z') as file:
        assert file.read() == b'123'


IN_A_FOLDER = ('x.png', 'a/x.jpg')
ALONE = ('x.zip', 'x.tar', 'x.npz', 'x.png')


@special
@pytest.mark.parametrize('name', IN_A_FOLDER)
def test_in_a_folder_of_images(name, make, kind, tmp_path):
    if make is Path.mkdir:
        pytest.skip('a folder in a folder is a class')
    for n in ('a/1.png', 'b/2.png') if '/' in name else ('1.png',):
        (tmp_path / 'set' / n).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'set' / n).write_bytes(png(noise(0, 8, 8, 3)))
    make(tmp_path / 'set' / name)
    refused(lambda: data.load(f'{tmp_path}/set'), f'{name} is {kind} where a file should be')


@special
@pytest.mark.parametrize('name', ALONE)
def test_in_the_place_of_an_archive(name, make, kind, tmp_path):
    if make is Path.mkdir and not name.endswith('.npz'):
        pytest.skip('a folder may have any name')
    make(tmp_path / name)
    refused(lambda: data.load(f'{tmp_path}/{name}'), f'{name} is {kind} where a file should be')
    flags = ['--dataset=own', f'--source={tmp_path}/{name}', f'--data_dir={tmp_path}/out']
    refused(lambda: prepare.main(flags), f'{name} is {kind} where a file should be')


ARCHIVES = {
    'cifar10': (made.cifar10, 'cifar-10-binary.tar.gz'),
    'mnist': (made.mnist, 'train-images-idx3-ubyte'),
    'emnist': (made.emnist, 'gzip.zip'),
    'stl10': (made.stl10, 'stl10_binary.tar.gz'),
    'svhn': (made.svhn, 'test_32x32.mat'),
    'celeb_a': (made.celeb_a, 'list_eval_partition.txt'),
    'imagenet': (made.imagenet, 'ILSVRC2012_img_train.tar'),
    'imagenet32': (made.imagenet32, 'Imagenet32_val_npz.zip'),
}


@pytest.mark.parametrize('name', ARCHIVES)
def test_in_the_place_of_a_published_file(name, tmp_path):
    make, file = ARCHIVES[name]
    (tmp_path / 'files').mkdir()
    make(tmp_path / 'files')
    (path,) = (tmp_path / 'files').rglob(f'{file}*')
    path.unlink()
    pipe(path)
    flags = [f'--dataset={name}', f'--source={path.parent}', f'--data_dir={tmp_path}/out']
    refused(lambda: prepare.main([*flags, '--size=8']), f'{path} is a pipe where')


@special
@pytest.mark.parametrize('name', ['images.npy', 'labels.npy', 'info.json'])
def test_in_a_prepared_data_set(name, make, kind, tmp_path):
    pieces = [
        Piece('train', 'images', noise(0, 4, 8, 8, 3)),
        Piece('train', 'labels', np.arange(4)),
    ]
    prepared.write_prepared(tmp_path / 'mine', pieces, {}, num_classes=4)
    (tmp_path / 'mine' / 'train' / name).unlink()
    make(tmp_path / 'mine' / 'train' / name)
    refused(lambda: data.load('mine', tmp_path), f'{name} is {kind} where a file should be')


def test_a_data_set_whose_name_is_that_of_a_pipe(tmp_path):
    pipe(tmp_path / 'mine')
    with pytest.raises(UserError, match="no data set 'mine'"):
        data.load('mine', tmp_path)


# Names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize('name', [b'\xff.png', b'a\nb.png', b'\xc3\xa9\x1b[2J.png', b'\t.png'])
def test_any_file_name_is_read_and_can_be_said(name, tmp_path, capsys):
    place = os.fsencode(tmp_path) + b'/set'
    os.mkdir(place)

    def write(name, content):
        with open(place + b'/' + name, 'wb') as file:
            file.write(content)

    write(name, png(noise(0, 8, 8)))
    write(b'z.png', png(noise(1, 8, 8, 3)))
    write(name + b'.txt', b'x')
    assert len(data.load(f'{tmp_path}/set').images) == 2
    notes = capsys.readouterr().err
    assert notes.count('\n') == 2
    assert '\x1b' not in notes
    flags = ['--dataset=own', f'--source={tmp_path}/set', f'--data_dir={tmp_path}/out']
    assert prepare.main(flags) == 0
    for damaged in (b'no image', png(noise(0, 9, 9, 3)), png(noise(0, 8, 8, 4))):
        write(name, damaged)
        refused(lambda: data.load(f'{tmp_path}/set'), '.png')
    write(name, png(noise(0, 8, 8)))
    os.mkdir(place + b'/class')
    write(b'class/1.png', png(noise(0, 8, 8)))
    refused(lambda: data.load(f'{tmp_path}/set'), 'beside the class folder')


def test_what_does_not_print_is_escaped():
    assert paths.shown('a é\n\udcff') == 'a é\\n\\udcff'
    assert paths.shown('x' * 400) == 'x' * 400
    assert paths.shown('x' * 401) == 'x' * 400 + '...'


# Folders without end -----------------------------------------------------------------------------


def test_links_are_not_followed_round_and_round(tmp_path):
    (tmp_path / 'set').mkdir()
    (tmp_path / 'set' / '1.png').write_bytes(png(noise(0, 8, 8, 3)))
    (tmp_path / 'set' / 'up').symlink_to('..')
    (tmp_path / 'set' / 'here').symlink_to('.')
    (tmp_path / 'set' / 'self').symlink_to('self')
    assert len(data.load(f'{tmp_path}/set').images) == 1
    (tmp_path / 'set' / 'self.png').symlink_to('self.png')
    refused(lambda: data.load(f'{tmp_path}/set'), 'self.png is a link that leads nowhere: leave')


@pytest.mark.parametrize('target', ['nowhere', 'x', '1.png/x'])
def test_a_link_that_leads_nowhere_is_told_by_its_name(target, tmp_path):
    """A missing file is the disk's word, 74; a link that is there is what has to be mended."""
    (tmp_path / 'set').mkdir()
    (tmp_path / 'set' / '1.png').write_bytes(png(noise(0, 8, 8, 3)))
    (tmp_path / 'set' / 'x').symlink_to(target)
    refused(lambda: paths.opened(tmp_path / 'set' / 'x'), f'{tmp_path}/set/x is a link that leads')
    with pytest.raises(FileNotFoundError):
        paths.opened(tmp_path / 'set' / 'none')
    flags = ['--dataset=own', f'--source={tmp_path}/set', f'--data_dir={tmp_path}/out']
    assert prepare.main(flags) == 0  # of the name of no image
    (tmp_path / 'set' / 'x').rename(tmp_path / 'set' / 'x.png')
    refused(lambda: data.load(f'{tmp_path}/set'), 'x.png is a link that leads nowhere: leave')


@pytest.mark.parametrize('name', ['X.ZIP', 'x.zip', 'X.Tar', 'x.NPZ', 'A/B.PNG', 'b.png'])
def test_suffixes_are_seen_in_capitals_or_not(name):
    suffix = name.lower().rpartition('.')[2]
    assert paths.ends_with(name, '.gif', f'.{suffix}') and paths.ends_with(Path(name), f'.{suffix}')
    assert not paths.ends_with(name, '.gif') and not paths.ends_with(f'{name}.x', f'.{suffix}')


def test_every_suffix_is_looked_at_by_the_one_mechanism():
    root = Path(data.__file__).parent
    found = {
        f'{file.name}: {line.strip()}'
        for file in [*root.rglob('*.py'), Path(prepare.__file__), Path(paths.__file__)]
        for line in file.read_text().splitlines()
        if re.search(r'\.endswith\(|\.suffix\b', line)
    }
    assert found == {'paths.py: return str(name).lower().endswith(suffixes)'}


@contextlib.contextmanager
def deep(place, depth, name):
    """A folder with one image so many folders below, at last removed, which pytest could not."""
    place.mkdir()
    here = os.open(place, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=here)
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    with open(os.open('1.png', os.O_WRONLY | os.O_CREAT, dir_fd=here), 'wb') as file:
        file.write(png(noise(0, 8, 8, 3)))
    os.close(here)
    try:
        yield f'{place}'
    finally:
        subprocess.run(['rm', '-r', place], check=True)


def test_a_folder_that_is_absurdly_deep(tmp_path):
    with deep(tmp_path / 'some', 400, 'd') as path:
        assert data.load(path).labels is None
    with deep(tmp_path / 'more', 40, 'd' * 200) as path:
        refused(lambda: data.load(path), 'cannot be listed (File name too long)')


def test_a_folder_that_may_not_be_read_is_not_left_out_in_silence(tmp_path, monkeypatch):
    for name in ('a/1.png', 'b/2.png'):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(png(noise(0, 8, 8, 3)))
    scandir = os.scandir

    def denied(place):  # whoever runs this may be root
        if Path(place).name == 'b':
            raise PermissionError(13, 'Permission denied', str(place))
        return scandir(place)

    monkeypatch.setattr(os, 'scandir', denied)
    refused(
        lambda: data.load(f'{tmp_path}/'), 'folder b/ in it cannot be listed (Permission denied)'
    )


def test_a_whole_system_is_no_folder_of_images():
    refused(lambda: data.load('/'), 'no folder on a disk: give the folder that holds the images')


def test_a_folder_of_other_things_is_not_listed_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(listing, 'STRAY', 30)
    (tmp_path / 'set').mkdir()
    for n in range(3):
        (tmp_path / 'set' / f'{n}.png').write_bytes(png(noise(0, 8, 8, 3)))
    for n in range(30):
        (tmp_path / 'set' / f'{n}.txt').touch()
    assert len(data.load(f'{tmp_path}/set').images) == 3
    (tmp_path / 'set' / 'folder').mkdir()  # counts as well
    refused(lambda: data.load(f'{tmp_path}/set'), 'holds more than 30 files and folders that are')
    # So many are for each image, whichever are met first.
    monkeypatch.setattr(listing, 'STRAY_EACH', 10.4)
    (tmp_path / 'set' / 'more').mkdir()
    refused(lambda: data.load(f'{tmp_path}/set'), 'holds more than 30 files and folders that are')
    (tmp_path / 'set' / '3.PNG').write_bytes(png(noise(0, 8, 8, 3)))
    assert len(data.load(f'{tmp_path}/set').images) == 4


def test_hidden_folders_count_for_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(listing, 'STRAY', 0)
    monkeypatch.setattr(listing, 'STRAY_EACH', 0)
    (tmp_path / '1.png').write_bytes(png(noise(0, 8, 8, 3)))
    for n in range(9):
        (tmp_path / '.git').mkdir(exist_ok=True)
        (tmp_path / '.git' / str(n)).touch()
    assert len(data.load(f'{tmp_path}/').images) == 1


def test_nothing_at_all(tmp_path):
    refused(lambda: data.load(f'{tmp_path}/none.zip'), 'does not exist', status=MISSING)


# What is removed ---------------------------------------------------------------------------------


def test_of_a_link_only_the_link_is_removed(tmp_path):
    (tmp_path / 'kept').mkdir()
    (tmp_path / 'kept' / 'file').touch()
    for target in ('kept', 'kept/file', 'nowhere'):
        (tmp_path / 'x').symlink_to(target)
        assert paths.removed(tmp_path / 'x') == tmp_path / 'x'
        assert not os.path.lexists(tmp_path / 'x')
    assert (tmp_path / 'kept' / 'file').exists()
    paths.removed(tmp_path / 'kept')
    assert [*tmp_path.iterdir()] == []
    paths.removed(tmp_path / 'kept')


def test_every_opening_is_by_the_one_mechanism():
    """No reader of data opens a path itself: a new one would hang on a pipe."""
    root = Path(data.__file__).parent
    alone = re.compile(
        r'(\bopen\(|ZipFile\(|loadmat\(|np\.load\()path\b|(?<!os)\.open\(\'|read_text|read_bytes'
    )
    checked = {  # by `check_regular`: a file that is mapped has to be opened by its name
        "prepared.py: return np.load(path, mmap_mode='r', allow_pickle=False)",
        'prepared.py: array = np.load(path, allow_pickle=False)',
    }
    written = {  # in a folder that was made for it
        "prepared.py: file = stack.enter_context((folder / split / f'{kind}.npy').open('wb'))",
        "download.py: with part.open('ab' if goes_on else 'wb') as file:",
    }
    found = {
        f'{file.name}: {line.strip()}'
        for file in [*root.rglob('*.py'), Path(paths.__file__)]
        for line in file.read_text().splitlines()
        if alone.search(line)
    }
    assert found == {"paths.py: return path.open('rb')", *checked, *written}
