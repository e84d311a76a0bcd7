"""Copies prepared by tensorflow-datasets: both formats read alike, and which copy is meant."""

import io
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from gan_jax.data.tfds import contents
from gan_jax.data.tfds.contents import open_copy, read_copy
from gan_jax.data.tfds.copies import find, folder_of, splits
from gan_jax.data.tfds.records import records
from gan_jax.runtime.errors import DATA, USAGE
from tests.data.tfds.maker import FORMATS, IMAGES, LABELS, make_both, refusal, rng, small


@pytest.fixture(scope='module')
def copies(tmp_path_factory):
    return make_both(tmp_path_factory)


def content_of(images, labels):
    return sorted(
        (image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True)
    )


# What is read ------------------------------------------------------------------------------------


def test_both_formats_read_the_same_images(copies):
    for split, part in (('train', slice(31)), ('test', slice(31, None))):
        array_record, tfrecord = (read_copy(copies[f], 'cifar10', split) for f in FORMATS)
        np.testing.assert_array_equal(array_record.images, tfrecord.images)
        np.testing.assert_array_equal(array_record.labels, tfrecord.labels)
        assert content_of(*tfrecord[:2]) == content_of(IMAGES[part], LABELS[part])
        assert (tfrecord.images.dtype, tfrecord.labels.dtype) == (np.uint8, np.int32)
        assert array_record[2:] == tfrecord[2:] == (10, 'cifar10', tuple('0123456789'), None, None)
    assert 'tensorflow' not in sys.modules


def test_the_order_is_that_of_tensorflow_datasets(copies):
    import tensorflow_datasets as tfds

    folder = copies['array_record']
    theirs = tfds.builder_from_directory(folder / 'cifar10' / '3.0.2').as_data_source('train')
    ours = read_copy(folder, 'cifar10', 'train')
    np.testing.assert_array_equal(ours.images, [row['image'] for row in theirs])
    np.testing.assert_array_equal(ours.labels, [row['label'] for row in theirs])


def test_records_come_one_by_one_in_the_same_order(copies):
    whole = read_copy(copies['tfrecord'], 'cifar10', 'train')
    pairs = [*records(find(copies['tfrecord'], 'cifar10', 'train'))]
    np.testing.assert_array_equal([image for image, _ in pairs], whole.images)
    assert [label for _, label in pairs] == whole.labels.tolist()


def test_the_folder_of_a_version_may_be_named(copies):
    folder = copies['tfrecord'] / 'cifar10' / '3.0.2'
    assert len(read_copy(folder, 'cifar10', 'test').images) == 10
    sentence = refusal(DATA, folder, 'mnist', 'test')
    assert sentence == f"{folder} holds a copy of 'cifar10', not of 'mnist'"


def test_grey_images_without_labels(tmp_path):
    small(tmp_path, images=IMAGES[:4, :, :, :1], feature={'shape': (8, 8, 1)}, classes=0)
    data = read_copy(tmp_path, 'cifar10', 'train')
    assert data.images.shape == (4, 8, 8, 1) and data[1:] == (None, 0, 'cifar10', None, None, None)
    assert sorted(i.tobytes() for i in data.images) == sorted(
        i.tobytes() for i in IMAGES[:4, :, :, :1]
    )


def test_a_grey_photograph_among_coloured_ones_becomes_three_channels(tmp_path):
    ramp = np.tile(np.arange(0, 256, 16, dtype=np.uint8), (16, 1))
    Image.fromarray(ramp).save(file := io.BytesIO(), 'JPEG')
    file.seek(0)
    feature = {'shape': (16, 16, 3), 'encoding_format': 'jpeg'}
    small(tmp_path, images=[file], labels=[3], feature=feature)
    data = read_copy(tmp_path, 'cifar10', 'train')
    np.testing.assert_array_equal(data.images[0], np.asarray(Image.open(file).convert('RGB')))


def test_images_of_mixed_sizes_come_as_records_only(tmp_path):
    sizes = [(5, 7), (9, 4)]
    folder = small(tmp_path, images=[np.zeros((*s, 3), np.uint8) for s in sizes], labels=[0, 1])
    found = {image.shape: label for image, label in records(find(tmp_path, 'cifar10', 'train'))}
    assert found == {(5, 7, 3): 0, (9, 4, 3): 1}
    assert refusal(DATA, tmp_path, 'cifar10', 'train') == (
        f'the copy in {folder} holds images that are not of one size, to be cropped, or too many '
        'to decode into memory: run `python -m gan_jax.prepare --dataset=cifar10 '
        f'--source={folder} --size=N` once'
    )


def test_records_of_a_size_are_its_proportions_in_the_middle(tmp_path):
    wide = rng.integers(0, 256, (6, 10, 3), np.uint8)
    small(tmp_path, images=[wide], labels=[4], feature={'shape': (6, 10, 3)})
    ((image, label),) = records(find(tmp_path, 'cifar10', 'train'), size=6)
    assert label == 4
    np.testing.assert_array_equal(image, wide[:, 2:8])
    ((image, _),) = records(find(tmp_path, 'cifar10', 'train'), size=(5, 10))
    np.testing.assert_array_equal(image, wide[:5])


def test_of_celeb_a_the_face_is_cut_out(tmp_path):
    tall = rng.integers(0, 256, (218, 178, 3), np.uint8)
    feature = {'shape': tall.shape}
    small(tmp_path, name='celeb_a', images=[tall], labels=[-1], feature=feature)
    ((image, _),) = records(find(tmp_path, 'celeb_a', 'train'), size=160)
    np.testing.assert_array_equal(image, tall[29:189, 9:169])
    ((image, _),) = records(find(tmp_path, 'celeb_a', 'train'))
    np.testing.assert_array_equal(image, tall)


def test_images_of_one_size_that_fit_are_read_and_others_are_for_prepare(
    tmp_path, copies, monkeypatch
):
    small(tmp_path, images=IMAGES[:4, :6], feature={'shape': (6, 8, 3)})
    assert read_copy(tmp_path, 'cifar10', 'train').images.shape == (4, 6, 8, 3)
    faces = small(tmp_path, name='celeb_a', images=IMAGES[:4], labels=[-1] * 4)
    sentence = refusal(DATA, tmp_path, 'celeb_a', 'train')
    assert 'to be cropped' in sentence and f'--source={faces}' in sentence
    monkeypatch.setattr(contents, 'MEMORY', 31 * 8 * 8 * 3)
    assert len(read_copy(copies['tfrecord'], 'cifar10', 'train').images) == 31
    monkeypatch.setattr(contents, 'MEMORY', 31 * 8 * 8 * 3 - 1)
    assert 'too many to decode into' in refusal(DATA, copies['tfrecord'], 'cifar10', 'train')


def test_labels_that_are_all_unknown_are_no_labels(tmp_path):
    small(tmp_path, name='stl10', split='unlabelled', labels=[-1] * 4, feature={'shape': (8, 8, 3)})
    assert read_copy(tmp_path, 'stl10', 'unlabelled')[1:] == (None, 0, 'stl10', None, None, None)
    assert {label for _, label in records(find(tmp_path, 'stl10', 'unlabelled'))} == {None}
    folder = small(tmp_path, labels=[-1, 0, 1, 2], feature={'shape': (8, 8, 3)})
    sentence = f"some images of 'train' in {folder} have no label"
    assert refusal(DATA, tmp_path, 'cifar10', 'train') == sentence


# Which copy --------------------------------------------------------------------------------------


def test_no_copy_is_none(tmp_path, copies):
    assert read_copy(tmp_path / 'nowhere', 'cifar10', 'train') is None
    (tmp_path / 'cifar10' / 'train').mkdir(parents=True)  # where `prepare` writes
    (tmp_path / 'cifar10' / 'incomplete.AB12CD_3.0.2').mkdir()
    (tmp_path / 'cifar10' / '3.0.2').mkdir()
    half = copies['tfrecord'] / 'cifar10' / '3.0.2' / 'dataset_info.json'
    shutil.copy(half, tmp_path / 'cifar10' / '3.0.2')
    assert read_copy(tmp_path, 'cifar10', 'train') is None
    assert folder_of(tmp_path, 'cifar10') is None
    assert find(copies['tfrecord'], 'mnist', 'train') is None
    assert splits(copies['tfrecord'], 'mnist') == []


def test_the_newest_version_is_read(tmp_path):
    for version in ('3.0.9', '3.0.10', '2.11.0'):
        small(tmp_path, version=version)
    assert find(tmp_path, 'cifar10', 'train').folder.name == '3.0.10'


def test_one_config_is_read_and_several_are_asked_about(tmp_path):
    first = small(tmp_path, name='lsun', config='bedroom')
    assert find(tmp_path, 'lsun', 'train').folder == first
    second = small(tmp_path, name='lsun', config='tower')
    assert refusal(USAGE, tmp_path, 'lsun', 'train') == (
        f"there are several copies of 'lsun', {first}, {second}: run `python -m gan_jax.prepare "
        '--dataset=lsun --source=FOLDER --size=N` with the one that you mean'
    )
    assert find(second, 'lsun', 'train').folder == second


def test_images_that_lie_on_their_side_are_not_read(tmp_path):
    small(tmp_path, name='emnist', config='balanced')
    assert find(tmp_path, 'emnist', 'train') is None


@pytest.mark.parametrize(
    ('ours', 'theirs', 'config', 'split', 'their_split'),
    [
        ('svhn', 'svhn_cropped', None, 'train', 'train'),
        ('imagenet', 'imagenet2012', None, 'train', 'train'),
        ('imagenet32', 'imagenet_resized', '32x32', 'test', 'validation'),
        ('imagenet64', 'imagenet_resized', '64x64', 'test', 'validation'),
    ],
)
def test_their_names(tmp_path, ours, theirs, config, split, their_split):
    square = {'shape': (8, 8, 3)}
    if config:
        small(tmp_path, name=theirs, config='16x16', split=their_split, feature=square)
    folder = small(tmp_path, name=theirs, config=config, split=their_split, feature=square)
    assert find(tmp_path, ours, split).folder == folder
    assert splits(tmp_path, ours) == [split]
    data = read_copy(tmp_path, ours, split)
    assert data.name == ours and len(data.images) == 4


def test_a_true_copy_as_a_source_of_prepare(copies):
    content, shape = open_copy(copies['tfrecord'] / 'cifar10' / '3.0.2', None, 'cifar10')
    pieces = list(content.pieces)
    assert (content.count, content.num_classes, shape) == (41, 10, (8, 8, 3))
    arrays = {(p.split, p.kind): p.array for p in pieces}  # one piece each: they are so few
    for split, part in (('train', slice(31)), ('test', slice(31, None))):
        found = content_of(arrays[split, 'images'], arrays[split, 'labels'])
        assert found == content_of(IMAGES[part], LABELS[part])
