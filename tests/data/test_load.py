"""The embedded data sets: what they hold, that it never changes, and what a wrong name says."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_jax import data
from gan_jax.data import build_digits, digits
from gan_jax.runtime import errors

ROOT = Path(__file__).parent.parent.parent
SIZES = {
    ('digits', 'train'): (1437, 16, 16, 1),
    ('digits', 'test'): (360, 16, 16, 1),
    ('stacked_digits', 'train'): (25_600, 16, 16, 3),
    ('stacked_digits', 'test'): (5_120, 16, 16, 3),
}
# A change of these numbers is a change of the data behind every published score.
DIGESTS = {
    ('digits', 'train'): 'a04bb870b7820e318270f299bc0c6c14443b044c18d86aaa93658d2fb33321fc',
    ('digits', 'test'): '1548cbb246f824bef56c9129f794c5573dfa5a3e5ae0a2c17309283663c7a22e',
    ('stacked_digits', 'train'): 'f247c340b86d01be3e35322c101e778f5fd9f687b8f6563cbea4174e6aa93bca',
    ('stacked_digits', 'test'): '723a694f60cf1a5b2f4264636c0d10a3be204222999e1be05a45c50e1cf895c1',
}


def rows(images):
    """Every image as one hashable value."""
    return {image.tobytes() for image in images}


def test_every_reader_is_listed_here():
    assert {(name, split) for name in data.READERS for split in digits.SPLITS} == SIZES.keys()


@pytest.mark.parametrize(('name', 'split'), SIZES)
def test_shapes_types_and_content(name, split):
    dataset = data.load(name, split=split)
    assert dataset.images.shape == SIZES[name, split]
    assert dataset.images.dtype == np.uint8
    assert dataset.labels.shape == dataset.images.shape[:1]
    assert dataset.labels.dtype == np.int32
    assert dataset.labels.min() >= 0
    assert dataset.labels.max() < dataset.num_classes
    assert dataset.name == name
    assert data.digest(dataset) == DIGESTS[name, split]


def test_file_is_what_the_script_builds():
    built = build_digits.build_digits()
    with np.load(digits.FILE, allow_pickle=False) as file:
        assert set(file.files) == set(built)
        for name, array in built.items():
            np.testing.assert_array_equal(file[name], array, err_msg=name)
            assert file[name].dtype == array.dtype


def test_file_carries_its_attribution():
    with np.load(digits.FILE, allow_pickle=False) as file:
        licence = str(file['licence'])
    for part in ('Alpaydin', 'Kaynak', 'UCI', 'CC BY 4.0', '10.24432/C50P49', 'Changes'):
        assert part in licence


def test_split_is_a_stratified_partition():
    train, test = data.load('digits'), data.load('digits', split='test')
    assert np.bincount(test.labels).tolist() == [36] * 10
    assert np.bincount(train.labels).tolist() == [142, 146, 141, 147, 145, 146, 145, 143, 138, 144]
    assert not rows(train.images) & rows(test.images)


def test_enlarging_keeps_ink_and_range():
    flat = np.full((8, 8), 16.0)
    assert (build_digits.enlarge(flat) == 255).all()
    edge = np.where(np.arange(8) < 4, 0.0, 16.0) * np.ones((8, 1))  # bicubic overshoots here
    enlarged = build_digits.enlarge(edge)[0, :, 0]
    assert enlarged[0] == 0
    assert enlarged[-1] == 255
    assert (np.diff(enlarged[4:12].astype(int)) >= 0).all()


@pytest.mark.parametrize('split', digits.SPLITS)
def test_stacks_are_made_of_digits_of_the_same_split(split):
    single, stacked = (data.load(name, split=split) for name in ('digits', 'stacked_digits'))
    # No two digits of a split are equal, so a channel's label can be looked up by its pixels.
    label = {image.tobytes(): int(c) for image, c in zip(single.images, single.labels, strict=True)}
    assert len(label) == len(single.images)
    for stack, expected in zip(stacked.images[:500], stacked.labels[:500], strict=True):
        a, b, c = (label[stack[:, :, channel].tobytes()] for channel in range(3))
        assert expected == 100 * a + 10 * b + c


def test_stacks_cover_all_modes_evenly():
    counts = np.bincount(data.load('stacked_digits').labels, minlength=1000)
    assert counts.min() >= 5
    # Each mode's count is about Poisson with mean 25.6; digits themselves are 9.6 to 10.2 % each.
    assert 0.85 * 25.6 < counts.var() < 1.3 * 25.6
    assert abs(np.corrcoef(np.arange(1000), counts)[0, 1]) < 0.15


def test_channels_of_stacks_are_independent():
    labels = data.load('stacked_digits').labels
    digit = np.stack([labels // 100, labels // 10 % 10, labels % 10])
    off_diagonal = np.corrcoef(digit) - np.eye(3)
    assert abs(off_diagonal).max() < 4 / np.sqrt(len(labels))


def test_loading_again_gives_the_same_and_arrays_of_ones_own():
    first = data.load('digits')
    first.images[:] = 0
    assert data.load('digits').images.any()


def test_data_dir_is_of_no_concern_to_embedded_sets(tmp_path):
    here, nowhere = data.load('digits'), data.load('digits', tmp_path / 'missing')
    assert data.digest(here) == data.digest(nowhere)


@pytest.mark.parametrize(('name', 'size'), [('digits', 32), ('digits', 8), ('digits', 16)])
def test_size_resizes_by_pillows_bicubic_filter(name, size):
    original, resized = data.load(name), data.load(name, size=size)
    assert resized.images.shape == (1437, size, size, 1)
    np.testing.assert_array_equal(resized.labels, original.labels)
    for i in (0, 1436):
        plane = Image.fromarray(original.images[i, :, :, 0]).resize((size, size), Image.BICUBIC)
        np.testing.assert_array_equal(resized.images[i, :, :, 0], np.asarray(plane))


def test_size_treats_channels_apart():
    stack = data.load('stacked_digits', split='test').images[:3]
    together = data.resize.resize(stack, 24)
    for c in range(3):
        np.testing.assert_array_equal(
            together[..., c : c + 1], data.resize.resize(stack[..., [c]], 24)
        )


@pytest.mark.parametrize(
    ('arguments', 'options', 'sentence'),
    [
        (('digit', 'x'), {}, "there is no data set 'digit' in x; did you mean 'digits'?"),
        (
            ('zzz', 'x'),
            {},
            f"there is no data set 'zzz' in x; known: {', '.join(data.names())}"
            '; where it is prepared elsewhere, name that folder by --data_dir=DIR; for images of '
            'your own: python -m gan_jax.prepare --dataset=zzz --source=PATH --data_dir=x',
        ),
        (('', 'x'), {}, f"there is no data set '' in x; known: {', '.join(data.names())}"),
        (
            ('docs', 'x'),
            {},
            f"there is no data set 'docs' in x; known: {', '.join(data.names())}"
            '; where it is prepared elsewhere, name that folder by --data_dir=DIR'
            '; for the images in docs write ./docs',
        ),
        (('digits',), {'size': 0}, 'the size of an image must be at least 1 pixel, got 0'),
    ],
)
def test_wrong_arguments_are_the_users_fault(arguments, options, sentence, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(errors.UserError) as caught:
        data.load(*arguments, **options)
    assert str(caught.value) == sentence
    assert caught.value.status == errors.USAGE


def test_a_split_that_is_not_there_is_told_from_other_faults():
    with pytest.raises(errors.UserError) as caught:
        data.load('digits', None, 'tst')
    assert str(caught.value) == "'digits' has no split 'tst'; did you mean 'test'?"
    assert caught.value.status == errors.MISSING


def test_digest_sees_content_and_only_content():
    dataset = data.load('digits', split='test')
    assert data.digest(dataset) == data.digest(dataset._replace(name='other'))
    pixel = dataset.images.copy()
    pixel[-1, -1, -1, 0] += 1
    label = dataset.labels.copy()
    label[0] += 1
    changed = {
        'pixel': dataset._replace(images=pixel),
        'label': dataset._replace(labels=label),
        'no labels': dataset._replace(labels=None),
        'shape': dataset._replace(images=dataset.images.reshape(360, 8, 32, 1)),
        'order': dataset._replace(images=dataset.images[::-1]),
    }
    digests = {data.digest(other) for other in changed.values()}
    assert len(digests | {data.digest(dataset)}) == len(changed) + 1


def test_loading_imports_nothing_heavy():
    code = (
        'import sys; from gan_jax import data; data.load("stacked_digits", split="test", size=8); '
        'heavy = {"sklearn", "matplotlib", "tensorflow", "tensorflow_datasets", "grain", "jax"}; '
        'print(sorted(heavy & set(sys.modules)))'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'


def test_an_outline_has_the_form_of_a_published_set_and_no_size_in_memory():
    cifar10, faces, digits = (
        data.outline(name, 32) for name in ('cifar10', 'celeb_a_hq', 'kmnist')
    )
    assert (cifar10.images.shape[1:], cifar10.num_classes) == ((32, 32, 3), 10)
    assert (faces.images.shape[1:], faces.labels, faces.num_classes) == ((32, 32, 3), None, 0)
    assert digits.images.shape[1:] == (32, 32, 1)
    assert cifar10.images.strides == (0, 0, 0, 0)
    assert data.outline('mine', 32) is None


@pytest.mark.parametrize('named', [{'name': '~nobody/x'}, {'name': 'mnist', 'data_dir': '~nobody'}])
def test_the_home_of_somebody_who_is_not_known_is_a_sentence(named):
    with pytest.raises(errors.UserError, match='~nobody.* is in the home of nobody') as caught:
        data.load(**{key: value.replace('nobody', 'nobody-here') for key, value in named.items()})
    assert caught.value.status == errors.MISSING


# Without reading an image ------------------------------------------------------------------------


def test_an_overview_counts_images_and_classes(tmp_path):
    for split, count in (('train', 3), ('Val', 2)):
        for kind in ('a', 'b'):
            (tmp_path / 'in' / split / kind).mkdir(parents=True)
            for i in range(count):
                (tmp_path / 'in' / split / kind / f'{i}.png').write_text('no image')
    assert data.overview(f'{tmp_path}/in') == ({'train': 6, 'test': 4}, 2)
    np.savez(tmp_path / 'x.npz', images=np.zeros((5, 4, 6, 3), np.uint8), labels=np.arange(5))
    assert data.overview(f'{tmp_path}/x.npz') == ({'train': 5}, 5)
    assert data.overview('digits') == ({'train': 1437, 'test': 360}, 10)
    assert data.overview('cifar10', tmp_path) is None and data.overview('a b', tmp_path) is None
    with pytest.raises(errors.UserError, match='does not exist'):
        data.overview(f'{tmp_path}/none')


def test_a_note_is_said_once_however_often_the_images_are_read(tmp_path, capsys):
    """A run reads both splits, and the dry run and metrics read them again."""
    for split in ('train', 'test'):
        (tmp_path / split).mkdir()
        Image.new('RGB', (4, 4)).save(tmp_path / split / 'a.png')
        Image.new('L', (4, 4)).save(tmp_path / split / 'grey.png')
    for split in ('train', 'test', 'train'):
        assert len(data.load(str(tmp_path), split=split).images) == 2
    assert capsys.readouterr().err.count('2 images are grey and become colour') == 1
