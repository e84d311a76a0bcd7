"""Labels that are vectors: read, stored, cut and written; the same images without them as ever."""

import json

import numpy as np
import pytest

from gan_jax import data
from gan_jax.data import classes, dataset, hold_out, prepared, subset
from gan_jax.data.dataset import LabelVectors, label_vectors, labels_of
from gan_jax.data.pictures import stylegan
from gan_jax.data.pieces import Piece
from gan_jax.runtime.errors import UserError
from tests.data.archives.maker import noise, png

IMAGES = noise(0, 5, 8, 8, 3)
VECTORS = np.array([[0, 1], [1, 1], [0, 1], [0, 0.25], [1, 1]], np.float32)
TABLE = [[0, 0.25], [0, 1], [1, 1]]
ROWS = [1, 2, 1, 0, 2]


def checked(found):
    """The data set has the vectors, and is without labels otherwise."""
    assert found.labels is None and found.num_classes == 0 and found.class_names is None
    np.testing.assert_array_equal(found.vectors.table, np.float32(TABLE))
    np.testing.assert_array_equal(found.vectors.rows, ROWS)
    assert found.vectors.table.dtype == np.float32 and found.vectors.rows.dtype == np.int32
    np.testing.assert_array_equal(labels_of(found), ROWS)
    return found


def test_the_table_has_each_vector_once_and_no_negative_zero():
    found = label_vectors(np.array([[0.0, 1], [-0.0, 1]]))
    assert len(found.table) == 1 and not np.signbit(found.table[0, 0])
    assert found.rows.tolist() == [0, 0]


@pytest.mark.parametrize('kind', [np.float32, np.float64, np.float16])
def test_an_npz_may_hold_vectors(kind, tmp_path):
    np.savez(tmp_path / 'a.npz', images=IMAGES, labels=VECTORS.astype(kind))
    checked(data.load(f'{tmp_path}/a.npz'))


def test_attributes_may_be_integers_or_truths(tmp_path):
    for labels in (np.array([[1, 0], [0, 0]], np.int64), np.array([[True, False], [False, False]])):
        np.savez(tmp_path / 'a.npz', images=IMAGES[:2], labels=labels)
        found = data.load(f'{tmp_path}/a.npz').vectors
        assert found.table.tolist() == [[0, 0], [1, 0]] and found.rows.tolist() == [1, 0]


@pytest.mark.parametrize(
    ('labels', 'words'),
    [
        (np.full((5, 2), np.nan), 'numbers that are not finite'),
        (np.zeros((4, 2)), r'integers \[5\], or numbers \[5, K\], got float64 \[4, 2\]'),
        (np.zeros((5, 0)), 'got float64'),
        (np.zeros((5, 2, 1)), 'got float64'),
        (np.zeros(5), 'got float64'),
    ],
)
def test_what_are_neither_classes_nor_vectors_is_refused(labels, words, tmp_path):
    np.savez(tmp_path / 'a.npz', images=IMAGES, labels=labels)
    with pytest.raises(UserError, match=words):
        data.load(f'{tmp_path}/a.npz')


def made(folder, labels):
    """StyleGAN's folder of the images with these labels."""
    entries = []
    for i, image in enumerate(IMAGES):
        name = f'00000/img{i:08d}.png'
        (folder / '00000').mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(image))
        entries.append([name, labels[i]])
    (folder / 'dataset.json').write_text(json.dumps({'labels': entries}))
    return f'{folder}/'


def test_a_dataset_json_may_hold_vectors(tmp_path):
    checked(data.load(made(tmp_path, VECTORS.tolist())))


def test_one_hot_rows_are_classes_as_ever(tmp_path):
    found = data.load(made(tmp_path, [[0, 1], [1, 0], [0, 1], [0, 1], [1, 0]]))
    assert found.vectors is None and found.labels.tolist() == [1, 0, 1, 1, 0]


def test_a_prepared_data_set_keeps_them(tmp_path):
    pieces = [Piece('train', 'images', IMAGES), Piece('train', 'labels', VECTORS)]
    prepared.write_prepared(tmp_path / 'mine', iter(pieces), {}, num_classes=0)
    found = checked(data.load('mine', tmp_path))
    assert prepared.infos(tmp_path / 'mine')['train']['labels']['size'] == 2
    np.save(tmp_path / 'mine' / 'train' / 'labels.npy', VECTORS[::-1])
    with pytest.raises(UserError, match='labels.npy is missing or damaged'):
        data.load('mine', tmp_path)
    plain = found._replace(vectors=None)
    assert len({data.digest(found), data.digest(plain), data.digest(moved(found))}) == 3


def moved(found):
    table, rows = found.vectors
    return found._replace(vectors=LabelVectors(table + 1, rows))


def test_the_digest_is_of_the_rows_too():
    whole = dataset.DataSet(IMAGES, None, 0, 'mine', vectors=label_vectors(VECTORS))
    other = whole._replace(vectors=whole.vectors._replace(rows=whole.vectors.rows[::-1].copy()))
    assert data.digest(whole) != data.digest(other)


def test_a_part_has_the_rows_of_its_images():
    """All images are of one class: a fraction of each vector would be all of them."""
    whole = dataset.DataSet(IMAGES, None, 0, 'mine', vectors=label_vectors(VECTORS))
    part, indices = subset(whole, 0.4, 0)
    assert len(indices) == 2
    np.testing.assert_array_equal(part.vectors.rows, np.array(ROWS)[indices])
    np.testing.assert_array_equal(part.vectors.table, whole.vectors.table)


def test_all_images_are_of_one_class_for_a_split_of_its_own_too():
    """As no two angles are alike, none could be held out of each."""
    images = noise(0, 40, 8, 8, 1)
    whole = dataset.DataSet(images, None, 0, 'mine', vectors=label_vectors(np.arange(40)[:, None]))
    kept, held = hold_out(whole, 0.1)
    assert len(held.images) == 4
    for one in (kept, held):
        assert len(one.images) == len(one.vectors.rows)
        np.testing.assert_array_equal(one.images, images[one.vectors.rows])
        assert len(one.vectors.table) == 40


def test_there_are_as_many_as_classes_at_most(monkeypatch):
    monkeypatch.setattr(classes, 'MOST', 2)
    label_vectors(VECTORS[:3])
    with pytest.raises(UserError, match='are 3 different ones, and 2 are the most: round them'):
        label_vectors(VECTORS)


def test_numbers_beyond_float32_are_not_finite(tmp_path):
    np.savez(tmp_path / 'a.npz', images=IMAGES, labels=np.full((5, 1), 1e200))
    with pytest.raises(UserError, match='numbers that are not finite'):
        data.load(f'{tmp_path}/a.npz')


def test_labels_in_words():
    whole = dataset.DataSet(IMAGES, None, 0, 'mine', vectors=label_vectors(VECTORS))
    assert dataset.label_words(whole) == 'label vectors of 2 numbers'
    assert dataset.label_words(whole._replace(vectors=None)) == 'no labels'
    labels = np.array(ROWS) % 2
    named = whole._replace(vectors=None, labels=labels, num_classes=2, class_names=('a', 'b'))
    assert dataset.label_words(named) == '2 classes (0 a, 1 b)'


def test_a_zip_for_stylegan_has_them_and_is_read_back(tmp_path):
    whole = dataset.DataSet(IMAGES, None, 0, 'mine', vectors=label_vectors(VECTORS))
    stylegan.write(tmp_path / 'a.zip', whole)
    found = checked(data.load(f'{tmp_path}/a.zip'))
    np.testing.assert_array_equal(found.images, IMAGES)


def test_folders_with_several_forms_are_refused(tmp_path):
    made(tmp_path / 'a', VECTORS.tolist())
    made(tmp_path / 'b', [0, 1, 2, 0, 1])
    with pytest.raises(UserError, match='dataset.json give labels of several forms'):
        data.load(f'{tmp_path}/')
