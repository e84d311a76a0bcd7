"""A copy of tensorflow-datasets as a source: pieces of all splits; the copies themselves are fakes.

`test_tfds_copies` reads true ones.
"""

from pathlib import Path

import numpy as np
import pytest

from gan_jax.data import tfds_pieces
from gan_jax.data.tfds_copies import Copy
from gan_jax.errors import DATA, USAGE, UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 4, 4, 3), np.uint8)
LABELS = {'train': [0, 1, 2, 0, 1], 'unlabelled': [None, None]}


@pytest.fixture
def copy(monkeypatch):
    """Five images with labels and two without; returns what `find` gives, to be changed."""
    found = Copy(Path('COPY'), 0, (4, 4, 3), 3, (), lambda path: iter(()), (None, None))
    held = {'shape': found.shape, 'labels': dict(LABELS)}

    def find(path, name, split):
        return found._replace(count=len(held['labels'][split]), shape=held['shape'])

    def records(path, name, split, *, size):
        held['size'] = size
        start = 0 if split == 'train' else 5
        return iter(list(zip(IMAGES[start:], held['labels'][split], strict=False)))

    monkeypatch.setattr(tfds_pieces, 'splits', lambda path, name: [*held['labels']])
    monkeypatch.setattr(tfds_pieces, 'find', find)
    monkeypatch.setattr(tfds_pieces, 'records', records)
    monkeypatch.setattr(tfds_pieces, 'CHUNK', 2)
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
    content, shape = tfds_pieces.open_copy(Path('COPY'), None, 'stl10')
    assert (content.count, content.num_classes, shape) == (7, 3, (4, 4, 3))
    np.testing.assert_array_equal(joined(content, split, kind), expected)


def test_a_split_without_labels_has_no_pieces_of_them(copy):
    content, _ = tfds_pieces.open_copy(Path('COPY'), None, 'stl10')
    assert {(p.split, p.kind) for p in content.pieces} == {
        *(('train', 'images'), ('train', 'labels'), ('unlabelled', 'images')),
    }


def test_the_size_is_passed_on(copy):
    content, shape = tfds_pieces.open_copy(Path('COPY'), 4, 'stl10')
    assert shape == (4, 4, 3) and len(joined(content, 'train', 'images')) == 5
    assert copy['size'] == 4


def test_mixed_sizes_need_a_size(copy):
    copy['shape'] = (None, None, 3)
    with pytest.raises(UserError, match='come in many sizes: give --size') as caught:
        tfds_pieces.open_copy(Path('COPY'), None, 'lsun')
    assert caught.value.status == USAGE
    assert tfds_pieces.open_copy(Path('COPY'), 8, 'lsun')[1] == (8, 8, 3)


def test_no_copy_is_a_sentence(copy):
    copy['labels'].clear()
    with pytest.raises(UserError, match="COPY holds no copy of 'lsun'") as caught:
        tfds_pieces.open_copy(Path('COPY'), 8, 'lsun')
    assert caught.value.status == DATA


def test_labels_of_some_images_are_refused(copy):
    copy['labels']['train'] = [0, 1, None, 0, 1]
    content, _ = tfds_pieces.open_copy(Path('COPY'), None, 'stl10')
    with pytest.raises(UserError, match="some images of 'train' in COPY have no label"):
        list(content.pieces)
