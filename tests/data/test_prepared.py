"""The prepared form: whole or absent, mapped where it is large, checked where it is read."""

import errno
import hashlib
import itertools
import json
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from gan_jax import data
from gan_jax.data import dataset, prepared
from gan_jax.data.growing_array import GrowingArray
from gan_jax.data.pieces import Piece, resized
from gan_jax.runtime.errors import DATA, MISSING, UserError
from tests.data.archives.maker import noise

IMAGES, LABELS = noise(0, 10, 8, 8, 3), np.arange(10) % 3


def pieces():
    yield Piece('train', 'images', IMAGES[:4])
    yield Piece('train', 'labels', LABELS)
    yield Piece('train', 'images', IMAGES[4:])
    yield Piece('more', 'images', IMAGES[:2])


@pytest.fixture
def root(tmp_path):
    prepared.write_prepared(
        tmp_path / 'mine', pieces(), {'name': 'mine', 'sources': []}, num_classes=3
    )
    return tmp_path


@pytest.mark.parametrize('count', [1, 9, 10, 12_345])
def test_an_array_that_grew_is_a_plain_npy(count, tmp_path):
    array = noise(0, count, 2, 3)
    with (tmp_path / 'a.npy').open('wb') as file:
        growing = GrowingArray(file)
        for start in range(0, count, 5000):
            growing.append(array[start : start + 5000])
        growing.finish()
    np.save(tmp_path / 'b.npy', array)
    assert (tmp_path / 'a.npy').read_bytes() == (tmp_path / 'b.npy').read_bytes()


def test_memory_is_that_of_a_few_pieces(tmp_path):
    def pieces():  # 40 of half a megabyte
        for n in range(40):
            yield Piece('train', 'images', np.full((128, 64, 64, 1), n, np.uint8))
            yield Piece('train', 'labels', np.full(128, n))

    tracemalloc.start()
    prepared.write_prepared(tmp_path / 'mine', resized(pieces(), 64), {}, num_classes=40)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 1 < most / (128 * 64 * 64) < 4
    np.testing.assert_array_equal(data.load('mine', tmp_path).images[::128, 0, 0, 0], range(40))


def test_what_is_written_is_read(root):
    train, more = data.load('mine', root), data.load('mine', root, 'more')
    np.testing.assert_array_equal(train.images, IMAGES)
    np.testing.assert_array_equal(train.labels, LABELS)
    assert train.labels.dtype == np.int32
    assert (train.num_classes, train.name) == (3, 'mine')
    assert more.labels is None
    assert more.num_classes == 0
    assert sorted(p.name for p in (root / 'mine' / 'train').iterdir()) == [
        *('images.npy', 'info.json', 'labels.npy')
    ]
    info = json.loads((root / 'mine' / 'train' / 'info.json').read_text())
    assert (info['version'], info['name'], info['split'], info['num_classes']) == (
        2,
        'mine',
        'train',
        3,
    )
    assert info['images']['shape'] == [10, 8, 8, 3]


def test_names_of_classes_are_kept(tmp_path):
    names = ('cat', 'dög', 'a\udcff')
    prepared.write_prepared(tmp_path / 'mine', pieces(), {}, num_classes=3, class_names=names)
    assert data.load('mine', tmp_path).class_names == names
    assert data.load('mine', tmp_path, 'more').class_names is None  # which has no labels
    info = json.loads((tmp_path / 'mine' / 'train' / 'info.json').read_text())
    assert info['class_names'] == [*names]


def test_a_data_set_that_was_prepared_before_there_were_names_is_read(root):
    for path in (root / 'mine').glob('*/info.json'):
        info = json.loads(path.read_text())
        info = {k: v for k, v in info.items() if k not in ('class_names', 'sha256')}
        path.write_text(json.dumps({**info, 'sha256': prepared._sha256(info)}))
    mine = data.load('mine', root)
    assert (mine.class_names, mine.num_classes) == (None, 3)


@pytest.mark.parametrize('names', [5, 'abc', ['a', 'b'], ['a', 'b', 5], {'a': 1, 'b': 2, 'c': 3}])
def test_names_that_are_none_are_found(names, root):
    changed(root / 'mine' / 'train' / 'info.json', class_names=names)
    with pytest.raises(UserError, match='info.json is damaged or of another version'):
        data.load('mine', root)


def test_large_images_stay_on_the_disk(root, monkeypatch):
    resident = data.load('mine', root)
    monkeypatch.setattr(prepared, 'MEMORY', IMAGES.nbytes)  # the header is beyond it
    mapped = data.load('mine', root)
    assert isinstance(mapped.images, np.memmap)
    assert not mapped.images.flags.writeable
    assert not isinstance(mapped.labels, np.memmap)
    np.testing.assert_array_equal(mapped.images, resident.images)
    assert data.load('mine', root, size=8).images.shape[1] == 8
    with pytest.raises(
        UserError, match='prepared with 8x8 pixels and .* prepare it again with --s'
    ):
        data.load('mine', root, size=4)
    assert data.load('mine', root, 'more', size=4).images.shape == (2, 4, 4, 3)


def test_a_mapped_digest_sees_samples_shape_and_labels(root, monkeypatch):
    monkeypatch.setattr(prepared, 'MEMORY', 0)
    monkeypatch.setattr(dataset, 'SAMPLED', 5)
    resident = dataset.DataSet(IMAGES, LABELS, 3, 'mine')

    def mapped(images):
        np.save(root / 'a.npy', images)
        return resident._replace(images=np.load(root / 'a.npy', mmap_mode='r'))

    whole = data.digest(mapped(IMAGES))
    assert whole == data.digest(mapped(IMAGES))
    assert whole != data.digest(resident)
    seen = []
    for n in range(10):
        changed = IMAGES.copy()
        changed[n] += 1
        seen.append(data.digest(mapped(changed)) != whole)
    assert seen == [n % 2 == 0 for n in range(10)]
    assert data.digest(mapped(IMAGES[:9])) != whole
    assert data.digest(mapped(IMAGES)._replace(labels=LABELS[::-1])) != whole


@pytest.mark.parametrize('failing', [RuntimeError('x'), KeyboardInterrupt()])
def test_a_failure_leaves_nothing(failing, tmp_path):
    def broken():
        yield Piece('train', 'images', IMAGES)
        raise failing

    with pytest.raises(type(failing)):
        prepared.write_prepared(tmp_path / 'mine', broken(), {}, num_classes=3)
    assert not list(tmp_path.iterdir())


def test_what_a_kill_left_is_cleared_away(tmp_path):
    (tmp_path / '.mine.part' / 'train').mkdir(parents=True)
    (tmp_path / '.mine.part' / 'train' / 'old.npy').write_bytes(b'x')
    prepared.write_prepared(tmp_path / 'mine', pieces(), {}, num_classes=3)
    assert not list(tmp_path.rglob('old.npy'))


def test_no_data_set_has_the_name_of_what_is_not_finished(tmp_path):
    """What lies beside a data set while it is written, of whatever name, is no data set."""
    for name in ('mine.part', 'mine.lock', 'mine'):
        prepared.write_prepared(tmp_path / name, pieces(), {}, num_classes=3)
    (tmp_path / 'mine').rename(tmp_path / 'moved')
    seen = set()

    def watched():
        seen.update(path.name for path in tmp_path.iterdir())
        yield from pieces()

    with prepared.locked(tmp_path / 'mine'):
        prepared.write_prepared(tmp_path / 'mine', watched(), {}, num_classes=3)
    assert seen == {'mine.part', 'mine.lock', 'moved', '.mine.part', '.mine.lock'}
    assert {n for n in seen if prepared.NAME.fullmatch(n)} == {'mine.part', 'mine.lock', 'moved'}
    for name in ('mine.part', 'mine.lock', 'moved', 'mine'):
        assert len(data.load(name, tmp_path).images) == 10


@pytest.mark.parametrize('target', ['elsewhere', 'elsewhere/file', 'nowhere'])
def test_a_link_in_the_place_of_the_partial_folder_is_not_followed(target, tmp_path):
    (tmp_path / 'elsewhere').mkdir()
    (tmp_path / 'elsewhere' / 'file').write_bytes(b'kept')
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / '.mine.part').symlink_to(tmp_path / target)
    prepared.write_prepared(tmp_path / 'out' / 'mine', pieces(), {}, num_classes=3)
    assert [p.name for p in (tmp_path / 'out').iterdir()] == ['mine']
    assert [p.name for p in (tmp_path / 'elsewhere').iterdir()] == ['file']
    assert (tmp_path / 'elsewhere' / 'file').read_bytes() == b'kept'
    assert not (tmp_path / 'nowhere').exists()


@pytest.mark.parametrize('split', ['..', '../../x', '/tmp/x', '.x', 'a\nb', ''])
def test_the_name_of_a_split_leads_to_no_other_folder(split, tmp_path):
    wrong = [Piece(split, 'images', IMAGES)]
    (tmp_path / 'out').mkdir()
    with pytest.raises(UserError, match='cannot name a split') as caught:
        prepared.write_prepared(tmp_path / 'out' / 'mine', wrong, {}, num_classes=3)
    assert caught.value.status == DATA
    assert str(caught.value).isprintable()
    assert [p.name for p in tmp_path.rglob('*')] == ['out']


def test_all_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    """Each file with its last byte, then the folders, then the name, then what lists the name."""
    events = []
    fsync, rename = os.fsync, Path.rename

    def synced(handle):
        path = Path(os.readlink(f'/proc/self/fd/{handle}'))
        events.append((path, path.read_bytes() if path.is_file() else {*os.listdir(path)}))
        fsync(handle)

    def renamed(path, target):
        whole = {
            p: p.read_bytes() if p.is_file() else {*os.listdir(p)} for p in [path, *below(path)]
        }
        for p, content in whole.items():
            assert dict(events)[p] == content, p
        events.append('renamed')
        return rename(path, target)

    def below(path):
        return [*path.rglob('*')]

    monkeypatch.setattr(os, 'fsync', synced)
    monkeypatch.setattr(Path, 'rename', renamed)
    prepared.write_prepared(tmp_path / 'mine', pieces(), {}, num_classes=3)
    assert events[-2:] == ['renamed', (tmp_path, {'mine'})]
    assert len(below(tmp_path / 'mine')) == 2 + 3 + 2


@pytest.mark.parametrize(
    ('wrong', 'sentence'),
    [
        ([], "the split 'train' has 0 images and 0 labels"),
        ([Piece('train', 'images', IMAGES[:0])], "the split 'train' has 0 images"),
        ([Piece('test', 'labels', LABELS)], "the split 'test' has 0 images and 10 labels"),
        (
            [Piece('train', 'images', IMAGES), Piece('train', 'labels', LABELS[:9])],
            "the split 'train' has 10 images and 9 labels",
        ),
        ([Piece('train', 'labels', LABELS - 1)], 'lies outside 0 to 2'),
        ([Piece('train', 'labels', LABELS + 1)], 'lies outside 0 to 2'),
    ],
)
def test_what_is_no_data_set_is_not_written(wrong, sentence, tmp_path):
    with pytest.raises(UserError, match=sentence) as caught:
        prepared.write_prepared(tmp_path / 'mine', wrong, {}, num_classes=3)
    assert caught.value.status == DATA
    assert not list(tmp_path.iterdir())


def test_pieces_are_resized():
    small = list(resized(pieces(), 4))
    assert [p.array.shape for p in small] == [(4, 4, 4, 3), (10,), (6, 4, 4, 3), (2, 4, 4, 3)]
    np.testing.assert_array_equal(small[2].array, data.resize.resize(IMAGES[4:], 4))


def test_pieces_that_grow_are_cut():
    """5,000 images of a megabyte at once would fill the memory."""
    piece = Piece('train', 'images', np.zeros((5000, 1, 1, 1), np.uint8))
    found = [p.array.shape for p in itertools.islice(resized([piece], 1024), 2)]
    assert found == [(64, 1024, 1024, 1)] * 2


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == 'cut':
        content = content[:-1]
    elif how == 'flip':
        content[-1] ^= 1
    path.write_bytes(content)
    if how == 'gone':
        path.unlink()
    if how == 'objects':
        np.save(path, np.array([None]), allow_pickle=True)


@pytest.mark.parametrize('how', ['cut', 'flip', 'gone', 'objects'])
@pytest.mark.parametrize('kind', ['images', 'labels'])
def test_damage_is_found(how, kind, root):
    damage(root / 'mine' / 'train' / f'{kind}.npy', how)
    with pytest.raises(UserError, match=f'{kind}.npy is missing or damaged: remove') as caught:
        data.load('mine', root)
    assert caught.value.status == DATA


def test_no_byte_of_a_header_is_a_traceback(root):
    path = root / 'mine' / 'train' / 'images.npy'
    content = path.read_bytes()
    right = data.load('mine', root).images
    for place in range(128):
        path.write_bytes(content[:place] + b' ' + content[place + 1 :])
        try:
            np.testing.assert_array_equal(data.load('mine', root).images, right)
        except UserError as error:
            assert error.status == DATA and 'images.npy' in str(error)


def test_a_mapped_array_of_another_shape_is_found(root, monkeypatch):
    monkeypatch.setattr(prepared, 'MEMORY', 0)
    np.save(root / 'mine' / 'train' / 'images.npy', IMAGES[:9])
    with pytest.raises(UserError, match='images.npy is missing or damaged'):
        data.load('mine', root)
    np.save(root / 'mine' / 'train' / 'images.npy', IMAGES)
    np.save(root / 'mine' / 'train' / 'labels.npy', LABELS[:9].astype(np.int32))
    with pytest.raises(UserError, match='labels.npy is missing or damaged'):
        data.load('mine', root)


@pytest.mark.parametrize('text', ['', '{}', '[]', '{"version": 2}', 'null'])
def test_an_info_that_says_nothing_is_found(text, root):
    (root / 'mine' / 'train' / 'info.json').write_text(text)
    with pytest.raises(UserError, match='info.json is damaged or of another version'):
        data.load('mine', root)


def changed(path, **values):
    """An info.json that says something else and is, by its digest, sound."""
    info = json.loads(path.read_text()) | values
    path.write_text(json.dumps({**info, 'sha256': prepared._sha256(info)}))


@pytest.mark.parametrize('classes', [0, 1, 2])
def test_labels_out_of_the_range_that_is_said_are_found(classes, root):
    changed(root / 'mine' / 'train' / 'info.json', num_classes=classes)
    with pytest.raises(UserError, match=r'labels.npy is missing or damaged: remove') as caught:
        data.load('mine', root)
    assert caught.value.status == DATA
    changed(root / 'mine' / 'train' / 'info.json', num_classes=3)
    assert data.load('mine', root).num_classes == 3


def test_labels_below_zero_are_found(root):
    labels = LABELS.astype(np.int32) - 1
    np.save(root / 'mine' / 'train' / 'labels.npy', labels)
    found = {'sha256': hashlib.sha256(labels).hexdigest()}
    changed(root / 'mine' / 'train' / 'info.json', labels=found)
    with pytest.raises(UserError, match=r'labels.npy is missing or damaged: remove'):
        data.load('mine', root)


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('num_classes', 4),
        ('num_classes', 1000),
        ('labels', None),
        ('split', 'test'),
        ('version', 1),
    ],
)
def test_an_info_that_says_something_else_is_found(key, value, root):
    path = root / 'mine' / 'train' / 'info.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(UserError, match=r'info.json is damaged or of another version: remove'):
        data.load('mine', root)


def test_a_version_that_is_not_this_one_is_to_be_prepared_again(root):
    changed(root / 'mine' / 'train' / 'info.json', version=1)
    with pytest.raises(UserError, match=r'of another version: remove .* and prepare it again'):
        data.load('mine', root)


def test_no_flipped_bit_of_an_info_gives_another_data_set(root):
    path = root / 'mine' / 'train' / 'info.json'
    sound = path.read_bytes()
    said, same = prepared.infos(root / 'mine')['train'], 0
    assert prepared._parsed(sound) == said
    for place in range(len(sound)):
        for bit in range(8):
            flipped = bytearray(sound)
            flipped[place] ^= 1 << bit
            found = prepared._parsed(bytes(flipped))
            assert found in (None, said)
            same += found is not None
        assert prepared._parsed(sound[:place].rstrip(b'}')) is None
    assert same < len(sound) / 4  # in spaces and line breaks, at most
    place = sound.index(b'"num_classes": 3') + 15
    for digit in b'124567890':
        path.write_bytes(sound[:place] + bytes([digit]) + sound[place + 1 :])
        with pytest.raises(UserError, match='info.json is damaged'):
            data.load('mine', root)


@pytest.mark.parametrize('text', ['[' * 100_000, '{"a":' * 100_000, '9' * 5000, '\xff', '1e999'])
def test_an_info_that_no_parser_likes_is_found(text, root):
    (root / 'mine' / 'train' / 'info.json').write_text(text, 'latin-1')
    with pytest.raises(UserError, match='info.json is damaged or of another version'):
        data.load('mine', root)


# Names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('name', 'command'),
    [
        ('cifar10', '--dataset=cifar10 --data_dir=DIR'),
        ('lsun', '--dataset=lsun --source=PATH --size=N --data_dir=DIR'),
        ('imagenet', '--dataset=imagenet --source=PATH --size=N --data_dir=DIR'),
    ],
)
def test_a_data_set_that_is_not_prepared_says_how(name, command, tmp_path):
    with pytest.raises(UserError) as caught:
        data.load(name, tmp_path)
    expected = f"'{name}' is not prepared in {tmp_path}: python -m gan_jax.prepare {command}"
    assert str(caught.value) == expected.replace('DIR', str(tmp_path))
    assert caught.value.status == MISSING
    with pytest.raises(UserError) as caught:
        data.load(name, tmp_path, size=48)
    assert str(caught.value) == expected.replace('DIR', str(tmp_path)).replace('=N', '=48')


def test_the_folder_of_data_sets(root, monkeypatch, tmp_path_factory):
    monkeypatch.setenv('GAN_JAX_DATA', str(root))
    assert len(data.load('mine').images) == 10
    assert len(data.load('mine', '').images) == 10
    elsewhere = tmp_path_factory.mktemp('elsewhere')
    with pytest.raises(UserError, match="there is no data set 'mine'"):
        data.load('mine', elsewhere)
    monkeypatch.delenv('GAN_JAX_DATA')
    root.rename(elsewhere / 'data')
    monkeypatch.chdir(elsewhere)
    assert len(data.load('mine').images) == 10
    (elsewhere / 'data').rename(root)


def test_a_name_close_to_one_that_is_prepared(root):
    with pytest.raises(UserError, match=rf"no data set 'mien' in {root}; did you mean 'mine'\?"):
        data.load('mien', root)
    with pytest.raises(
        UserError,
        match=r'known: .*, svhn, mine; where .* elsewhere, .*; for images of your own: python',
    ):
        data.load('photos_of_a_cat', root)


def test_a_split_that_is_not_there(root):
    with pytest.raises(UserError, match="'mine' has no split 'test'; known: more, train"):
        data.load('mine', root, 'test')


@pytest.mark.parametrize('name', ['..', '.hidden', 'a b', ''])
def test_a_name_leads_to_no_other_folder(name, root):
    with pytest.raises(UserError, match=f"there is no data set '{name}'"):
        data.load(name, root / 'mine')


def test_a_copy_of_tensorflow_datasets_is_used(root, monkeypatch):
    from gan_jax.data.tfds import contents

    copy = dataset.DataSet(IMAGES, None, 0, 'theirs')
    asked = []
    monkeypatch.setattr(contents, 'read_copy', lambda *a: asked.append(a) or copy)
    assert data.load('theirs', root, 'test', size=4).images.shape == (10, 4, 4, 3)
    assert asked == [(root, 'theirs', 'test')]
    assert data.load('mine', root).images.shape == (10, 8, 8, 3)  # a prepared one comes first


@pytest.mark.parametrize('name', ['images.npy', 'labels.npy', 'info.json'])
def test_what_may_not_be_read_is_not_called_damaged(name, root, monkeypatch):
    """The advice for that is to remove it."""

    def refusing(look):
        def refused(path):
            if path.name == name:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return look(path)

        return refused

    for look in (prepared.opened, prepared.check_regular):
        monkeypatch.setattr(prepared, look.__name__, refusing(look))
    with pytest.raises(PermissionError, match=name):
        prepared.read_prepared(root / 'mine', 'train', 'mine')
