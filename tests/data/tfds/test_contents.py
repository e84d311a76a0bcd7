"""A copy of tensorflow-datasets as a source: pieces of all splits; the copies themselves are fakes.

`test_copies` reads true ones.
"""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gan_jax.data import pieces
from gan_jax.data.tfds import contents
from gan_jax.data.tfds.records import Copy
from gan_jax.runtime.errors import DATA, USAGE, UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 4, 4, 3), np.uint8)
LABELS = {'train': [0, 1, 2, 0, 1], 'unlabelled': [None, None]}


@pytest.fixture
def copy(monkeypatch):
    """Five images with labels and two without; returns what `find` gives, to be changed."""
    held = {'shape': (4, 4, 3), 'labels': dict(LABELS)}

    def find(path, name, split):
        image, count = SimpleNamespace(shape=held['shape']), len(held['labels'][split])
        return Copy(path, count, 3, ((Path(split), count),), lambda path: iter(()), image)

    def records(copy, *, size):
        held['size'] = size
        ((path, _),) = copy.shards
        start = 0 if path.name == 'train' else 5
        return iter(list(zip(IMAGES[start:], held['labels'][path.name], strict=False)))

    monkeypatch.setattr(contents, 'splits', lambda path, name: [*held['labels']])
    monkeypatch.setattr(contents, 'find', find)
    monkeypatch.setattr(contents, 'records', records)
    monkeypatch.setattr(pieces, 'CHUNK', 2)
    return held


def joined(content, split, kind):
    arrays = [p.array for p in content.pieces if (p.split, p.kind) == (split, kind)]
    return np.concatenate(arrays) if arrays else None


@pytest.mark.parametrize(
    ('split', 'kind', 'expected'),
    [
        ('train', 'images', IMAGES[:5]),
        ('train', 'labels', np.array([0, 1, 2, 0, 1])),
        ('unlabelled', 'images', IMAGES[5:]),
    ],
)
def test_pieces_are_the_records_of_every_split(copy, split, kind, expected):
    content, shape = contents.open_copy(Path('COPY'), None, 'stl10')
    assert (content.count, content.num_classes, shape) == (7, 3, (4, 4, 3))
    np.testing.assert_array_equal(joined(content, split, kind), expected)


def test_a_split_without_labels_has_no_pieces_of_them(copy):
    content, _ = contents.open_copy(Path('COPY'), None, 'stl10')
    assert {(p.split, p.kind) for p in content.pieces} == {
        *(('train', 'images'), ('train', 'labels'), ('unlabelled', 'images')),
    }


@pytest.mark.parametrize(('limit', 'expected'), [(144, [3, 2]), (143, [2, 2, 1]), (47, [1] * 5)])
def test_large_images_come_in_small_pieces(copy, monkeypatch, limit, expected):
    monkeypatch.setattr(pieces, 'CHUNK', 256)
    monkeypatch.setattr(pieces, 'DECODED', limit)  # an image has 48 bytes
    content, _ = contents.open_copy(Path('COPY'), None, 'stl10')
    assert [len(p.array) for p in content.pieces if p[:2] == ('train', 'images')] == expected


def test_the_size_is_passed_on(copy):
    content, shape = contents.open_copy(Path('COPY'), 4, 'stl10')
    assert shape == (4, 4, 3) and len(joined(content, 'train', 'images')) == 5
    assert copy['size'] == 4


def test_images_of_several_sizes_need_a_size(copy):
    copy['shape'] = (None, None, 3)
    with pytest.raises(UserError, match='are not of one size: give --size') as caught:
        contents.open_copy(Path('COPY'), None, 'lsun')
    assert caught.value.status == USAGE
    copy['shape'] = (6, 8, 3)
    assert contents.open_copy(Path('COPY'), None, 'lsun')[1] == (6, 8, 3)
    assert contents.open_copy(Path('COPY'), (3, 4), 'lsun')[1] == (3, 4, 3)
    assert contents.open_copy(Path('COPY'), 8, 'lsun')[1] == (8, 8, 3)


def test_a_copy_without_splits_is_a_sentence(copy):
    copy['labels'].clear()
    with pytest.raises(UserError, match='COPY holds no images') as caught:
        contents.open_copy(Path('COPY'), 8, 'lsun')
    assert caught.value.status == DATA


def test_labels_of_some_images_are_refused(copy):
    copy['labels']['train'] = [0, 1, None, 0, 1]
    content, _ = contents.open_copy(Path('COPY'), None, 'stl10')
    with pytest.raises(UserError, match="some images of 'train' in COPY have no label"):
        list(content.pieces)
