"""Splits and classes by the folders that images lie in."""

import pytest

from gan_jax import data
from gan_jax.data.pictures.layout import Labels, make_layout
from tests.data.archives.maker import noise, png


def test_the_plan_needs_no_files():
    layout = make_layout(['top/b/1.png', 'top/a/deep/2.png'], 'here')
    assert layout.labels == Labels({'top/b/1.png': 1, 'top/a/deep/2.png': 0}, 2, ('a', 'b'))


def test_folders_that_are_numbers_are_classes_in_the_order_of_numbers():
    names = [f'{n}/x.png' for n in (10, 2, 1, 0)]
    assert [*make_layout(names, 'here').labels.of.values()] == [3, 2, 1, 0]
    assert make_layout(names, 'here').labels.class_names == ('0', '1', '2', '10')


def splits(*tops):
    """{split: the folder that it was}"""
    layout = make_layout([f'{top}/{c}/1.png' for top in tops for c in 'ab'], 'here')
    assert layout.labels.class_names == ('a', 'b') or 'unlabelled' in layout.splits
    return {split: names[0].partition('/')[0] for split, names in layout.splits.items()}


@pytest.mark.parametrize(
    ('tops', 'found'),
    [
        (('train', 'test'), {'train': 'train', 'test': 'test'}),
        (('Train', 'TEST'), {'train': 'Train', 'test': 'TEST'}),
        (('training', 'testing'), {'train': 'training', 'test': 'testing'}),
        (('train', 'val'), {'train': 'train', 'test': 'val'}),
        (('train', 'Validation'), {'train': 'train', 'test': 'Validation'}),
        (('train', 'valid'), {'train': 'train', 'test': 'valid'}),
        (('train', 'test', 'val'), {'train': 'train', 'test': 'test', 'val': 'val'}),
        (('train', 'val', 'valid'), {'train': 'train', 'test': 'valid', 'val': 'val'}),
        (
            ('train', 'test', 'unlabeled'),
            {'train': 'train', 'test': 'test', 'unlabelled': 'unlabeled'},
        ),
    ],
)
def test_splits_by_what_the_highest_folders_are_called(tops, found):
    assert splits(*tops) == found


def test_without_train_or_with_another_they_are_classes():
    for tops in (('test', 'val'), ('train', 'rest'), ('Test', 'x')):
        layout = make_layout([f'{top}/1.png' for top in tops], 'here')
        assert [*layout.splits] == ['train']
        assert layout.labels.class_names == tuple(sorted(tops))


def test_that_a_split_is_taken_for_a_class_is_said():
    def note(*tops):
        return make_layout([f'{top}/1.png' for top in tops], 'here').notes

    assert note('train', 'test', 'rest')[0].startswith(
        "here: its 'test', 'train' beside 'rest' are no splits but classes: "
    )
    assert note('train', 'rest')[0].startswith("here: its 'train' beside 'rest' is no split but a ")
    assert note('Test', 'val')[0].startswith("here: its 'Test', 'val' without a 'train' are no ")
    assert note('cat', 'dog') == note('train', 'test') == ()


def test_that_val_is_the_test_is_said():
    names = [f'{top}/{n}.png' for top in ('train', 'val') for n in range(2)]
    (note,) = make_layout(names, 'here').notes
    assert note == "here: its 'val' is the split 'test', which metrics compare with"
    assert make_layout([n.replace('val', 'test') for n in names], 'here').notes == ()


def test_unlabelled_images_lie_as_they_like_and_have_no_labels(tmp_path):
    names = ('train/a/1.png', 'train/b/1.png', 'unlabeled/1.png', 'unlabeled/x/2.png')
    for seed, name in enumerate(names):
        (tmp_path / 'set' / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'set' / name).write_bytes(png(noise(seed, 8, 8)))
    train = data.load(f'{tmp_path}/set')
    assert (train.labels.tolist(), train.class_names) == ([0, 1], ('a', 'b'))
    rest = data.load(f'{tmp_path}/set', split='unlabelled')
    assert (rest.labels, rest.num_classes, rest.class_names) == (None, 0, None)
    assert len(rest.images) == 2


def test_a_class_that_only_another_split_has_is_said(tmp_path, capsys):
    for seed, name in enumerate(('train/a/1.png', 'test/a/1.png', 'test/b/2.png')):
        (tmp_path / 'set' / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'set' / name).write_bytes(png(noise(seed, 8, 8)))
    data.load(f'{tmp_path}/set')
    assert 'of 2 classes 1 have no image to train on: 1 b' in capsys.readouterr().err
