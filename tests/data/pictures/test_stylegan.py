"""StyleGAN's zip: read as its tools write it, written as they read it."""

import io
import itertools
import json
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from gan_jax import data
from gan_jax.data.dataset import DataSet
from gan_jax.data.pictures import stylegan
from gan_jax.runtime.errors import DATA, USAGE, UserError
from tests.data.archives.maker import lay, noise, png, write_zip

COUNT = 1003  # so that there are two shards


def member(number):
    return f'{number // 1000:05d}/img{number:08d}.png'


def theirs(labels=None, count=COUNT, side=4, **more):
    """What their dataset_tool.py writes: name -> content."""
    files = {
        member(n): png(noise(n, side, side, 3), compress_level=0, optimize=False)
        for n in range(count)
    }
    pairs = None if labels is None else [[member(n), labels[n]] for n in range(count)]
    return {**files, 'dataset.json': json.dumps({'labels': pairs, **more}).encode()}


def images(count=COUNT, side=4):
    return np.stack([noise(n, side, side, 3) for n in range(count)])


def written(place, files, form):
    return lay(place / ('x.zip' if form == 'zip' else 'x'), files)


@pytest.mark.parametrize('form', ['zip', 'folder'])
def test_labels_are_those_of_dataset_json_and_shards_are_no_classes(form, tmp_path, capsys):
    labels = (np.arange(COUNT) * 7 % 5).tolist()
    dataset = data.load(written(tmp_path, theirs(labels), form))
    np.testing.assert_array_equal(dataset.images, images())
    assert dataset.labels.tolist() == labels
    assert (dataset.num_classes, dataset.class_names) == (5, None)
    assert capsys.readouterr().err == ''


@pytest.mark.parametrize('said', ['null', 'absent'])
def test_without_labels_there_are_no_classes(said, tmp_path, capsys):
    files = theirs(None)
    if said == 'absent':
        del files['dataset.json']
    dataset = data.load(written(tmp_path, files, 'zip'))
    assert (dataset.labels, dataset.num_classes) == (None, 0)
    assert len(dataset.images) == COUNT
    assert capsys.readouterr().err == ''


def test_folders_of_five_digits_may_be_classes(tmp_path):
    files = {f'{n:05d}/{n}.png': png(noise(n, 4, 4)) for n in range(3)}
    assert data.load(written(tmp_path, files, 'zip')).class_names == ('00000', '00001', '00002')


def test_rows_with_a_single_one_are_classes(tmp_path):
    rows = np.eye(4, dtype=int)[[2, 0, 2]].tolist()
    dataset = data.load(written(tmp_path, theirs([[float(x) for x in r] for r in rows], 3), 'zip'))
    assert (dataset.labels.tolist(), dataset.num_classes) == ([2, 0, 2], 4)


def test_names_of_classes_are_ours_and_may_be_more_than_there_are_images_of(tmp_path, capsys):
    path = written(tmp_path, theirs([1, 0, 1], 3, class_names=['a', 'b', 'c']), 'zip')
    dataset = data.load(path)
    assert (dataset.num_classes, dataset.class_names) == (3, ('a', 'b', 'c'))
    assert 'of 3 classes 1 have no image to train on: 2 c' in capsys.readouterr().err


def test_names_written_by_windows(tmp_path):
    files = theirs([1, 0, 1], 3)
    files['dataset.json'] = files['dataset.json'].replace(b'/', rb'\\')
    assert data.load(written(tmp_path, files, 'zip')).labels.tolist() == [1, 0, 1]
    files = {name.replace('/', '\\'): content for name, content in files.items()}
    assert data.load(written(tmp_path, files, 'zip')).labels.tolist() == [1, 0, 1]


def test_below_a_folder_and_in_each_split(tmp_path):
    below = {f'top/{name}': content for name, content in theirs([1, 0, 1], 3).items()}
    assert data.load(written(tmp_path / '1', below, 'folder')).labels.tolist() == [1, 0, 1]
    splits = {
        **{f'train/{name}': content for name, content in theirs([1, 0, 1], 3).items()},
        **{f'test/{name}': content for name, content in theirs([2], 1).items()},
        **{f'val/{name}': content for name, content in theirs(None, 1).items()},
    }
    path = written(tmp_path / '2', splits, 'folder')
    assert data.load(path).labels.tolist() == [1, 0, 1]
    test = data.load(path, split='test')
    assert (test.labels.tolist(), test.num_classes) == ([2], 3)
    assert data.load(path, split='val').labels is None


def refused(path, *parts):
    with pytest.raises(UserError) as caught:
        data.load(path)
    assert caught.value.status == DATA
    assert '\n' not in str(caught.value) and len(str(caught.value)) < 500
    for part in ('dataset.json', *parts):
        assert part in str(caught.value)


PAIRS = [[member(0), 0], [member(1), 1]]
WRONG = {
    'no JSON': (b'{"labels": [', 'is damaged, cut short or not what it should be'),
    'no text': (b'\xff\xfe{}', 'is damaged'),
    'too deep': (b'[' * 100_000, 'is damaged'),
    'a number of thousands of digits': (b'9' * 5000, 'is damaged'),
    'a list': (b'[]', "has no 'labels'"),
    'something else': (b'{"title": "mine"}', "has no 'labels': leave it out where the folders"),
    'no list': (b'{"labels": 5}', "has 'labels' that are no list"),
    'a mapping': ({member(0): 0, member(1): 1}, "has 'labels' that are no list"),
    'a name alone': ([member(0), member(1)], 'in the place of [name, class]'),
    'three of them': ([[*pair, 0] for pair in PAIRS], 'in the place of [name, class]'),
    'a number as name': ([[0, 0], [1, 1]], '[0, 0] in the place of [name, class]'),
    'one missing': (PAIRS[:1], f'has no label for 1 images, such as {member(1)}'),
    'none at all': ([], f'has no label for 2 images, such as {member(0)}'),
    'one too many': ([*PAIRS, ['x.png', 0]], 'a label for x.png, and there is no such image'),
    'one twice': ([*PAIRS, PAIRS[0]], f'has two labels for {member(0)}'),
    'negative': ([[n, -1] for n, _ in PAIRS], 'has a label -1: classes count from 0'),
    'beyond counting': (
        [[n, 10**6] for n, _ in PAIRS],
        'has a label 1000000: classes count from 0 and stay below 1,000,000',
    ),
    'a text': ([[n, 'cat'] for n, _ in PAIRS], 'the label "cat", which is no class'),
    'a truth': ([[n, True] for n, _ in PAIRS], 'the label true, which is no class'),
    'a fraction': ([[n, 0.5] for n, _ in PAIRS], 'the label 0.5, which is no class'),
    'null': ([[n, None] for n, _ in PAIRS], 'the label null, which is no class'),
    'no number': ([[n, [0.1, '9']] for n, _ in PAIRS], 'the label [0.1, "9"], which is no class'),
    'not finite': ([[n, [1e999]] for n, _ in PAIRS], 'the label [Infinity], which is no class'),
    'rows of two lengths': ([[PAIRS[0][0], [0, 1]], [PAIRS[1][0], [1]]], 'which is no class'),
    'both kinds': ([[PAIRS[0][0], [0, 1]], PAIRS[1]], 'the label 1, which is no class'),
    'names that are none': (b'{"labels": %s, "class_names": 5}', "has 'class_names' that are no"),
    'a name that is none': (b'{"labels": %s, "class_names": ["a", 5]}', 'no list of texts'),
    'a name twice': (b'{"labels": %s, "class_names": ["a", "a"]}', 'gives two classes one name'),
    'too few names': (b'{"labels": %s, "class_names": ["a"]}', 'names 1 of 2 classes'),
}


@pytest.mark.parametrize('kind', WRONG)
@pytest.mark.parametrize('form', ['zip', 'folder'])
def test_a_dataset_json_that_is_wrong_is_told_by_its_name(kind, form, tmp_path):
    said, sentence = WRONG[kind]
    if not isinstance(said, bytes):
        said = json.dumps({'labels': said}).encode()
    said = said.replace(b'%s', json.dumps(PAIRS).encode())
    files = {**theirs(None, 2), 'dataset.json': said}
    refused(written(tmp_path, files, form), sentence)


def test_images_beside_what_it_speaks_of_are_refused(tmp_path):
    below = {f'a/{name}': content for name, content in theirs([1, 0, 1], 3).items()}
    path = written(tmp_path, {**below, 'b/1.png': png(noise(0, 4, 4, 3))}, 'zip')
    refused(path, 'b/1.png, and a/dataset.json has no label for it')


def test_two_that_name_the_classes_differently_are_refused(tmp_path):
    files = {
        f'{split}/{name}': content
        for split, names in (('train', ['a', 'b']), ('test', ['b', 'a']))
        for name, content in theirs([1, 0], 2, class_names=names).items()
    }
    refused(written(tmp_path, files, 'folder'), 'give the classes several names')


def test_one_that_is_far_too_large_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(stylegan, 'LARGEST', 1000)
    refused(written(tmp_path, theirs([0] * 50, 50), 'zip'), 'has more than 1000 bytes')


def test_a_damaged_one_in_a_zip(tmp_path):
    path = tmp_path / 'x.zip'
    content = bytearray(write_zip(path, theirs([0] * 3, 3)).read_bytes())
    content[content.index(b'"labels"') + 3] ^= 1
    path.write_bytes(content)
    refused(str(path), 'is damaged')


# Writing -----------------------------------------------------------------------------------------


def read_as_they_do(path):
    """As the loader of StyleGAN reads a zip: images in the order of their names, and labels."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(n for n in archive.namelist() if n.lower().endswith('.png'))
        found = [np.array(Image.open(io.BytesIO(archive.read(n)))) for n in names]
        labels = json.loads(archive.read('dataset.json'))['labels']
        kinds = {info.compress_type for info in archive.infolist()}
    assert kinds == {zipfile.ZIP_STORED}
    assert all(re.fullmatch(r'\d{5}/img\d{8}\.png', n) for n in names)
    pixels = np.stack([image if image.ndim == 3 else image[:, :, None] for image in found])
    if labels is None:
        return pixels, None
    by_name = dict(labels)
    return pixels, np.array([by_name[name] for name in names])


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('labelled', [True, False])
def test_what_is_written_is_read_by_them_and_by_us(channels, labelled, tmp_path):
    pixels = noise(0, COUNT, 8, 8, channels)
    labels = (np.arange(COUNT) % 3).astype(np.int32) if labelled else None
    mine = DataSet(
        pixels, labels, 4 if labelled else 0, 'mine', tuple('abcd') if labelled else None
    )
    counted = []
    stylegan.write(tmp_path / 'x.zip', mine, counted.append)
    assert sum(counted) == COUNT
    found, classes = read_as_they_do(tmp_path / 'x.zip')
    np.testing.assert_array_equal(found, pixels)
    again = data.load(f'{tmp_path}/x.zip')
    assert data.digest(again) == data.digest(mine)
    assert (again.num_classes, again.class_names) == (mine.num_classes, mine.class_names)
    if labelled:
        assert classes.tolist() == labels.tolist()
    else:
        assert classes is None and again.labels is None
    stylegan.write(tmp_path / 'y.zip', mine)
    assert (tmp_path / 'x.zip').read_bytes() == (tmp_path / 'y.zip').read_bytes()


@pytest.mark.parametrize(
    ('shape', 'sizes'), [((20, 20), '16 or --size=32'), ((16, 8), '8 or --size=16')]
)
def test_other_sides_are_refused_since_they_refuse_them(shape, sizes, tmp_path):
    odd = DataSet(noise(0, 2, *shape, 3), None, 0, 'odd')
    with pytest.raises(UserError, match=f'power of two.* give --size={sizes}') as caught:
        stylegan.write(tmp_path / 'x.zip', odd)
    assert caught.value.status == USAGE
    assert not [*tmp_path.iterdir()]


def test_all_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    """So that a loss of power leaves no half of it under its name."""
    synced, sync = [], stylegan.sync

    def noted(path):
        synced.append((path.name, sorted(p.name for p in tmp_path.iterdir())))
        if path.is_file():
            assert zipfile.is_zipfile(path)
        sync(path)

    monkeypatch.setattr(stylegan, 'sync', noted)
    stylegan.write(tmp_path / 'x.zip', data.load('digits', split='test'))
    assert synced == [('x.zip.part', ['x.zip.part']), (tmp_path.name, ['x.zip'])]


@pytest.mark.parametrize('failing', [RuntimeError('x'), KeyboardInterrupt()])
def test_a_failure_leaves_nothing(failing, tmp_path):
    def broken(count):
        raise failing

    with pytest.raises(type(failing)):
        stylegan.write(tmp_path / 'x.zip', data.load('digits', split='test'), broken)
    assert not [*tmp_path.iterdir()]


def test_the_highest_place_above_a_file_is_found():
    """Against a search of all; places lie in each other, and names begin alike."""
    folders = ['', 'a/', 'a/b/', 'a-/', 'ab/', 'ab/c/d/', 'b/']
    for count in range(len(folders) + 1):
        for places in itertools.combinations(folders, count):
            for folder in [*folders, 'a/c/', 'ab/c/', 'c/']:
                name = f'{folder}1.png'
                above = sorted((p for p in places if name.startswith(p)), key=len)
                found = stylegan._place(name, stylegan._highest(places))
                assert found == (above[0] if above else None)
