"""Names of classes: their order, which are said, which is meant, which have no image."""

import numpy as np
import pytest

from gan_jax import data
from gan_jax.data import classes
from gan_jax.data.archives import names
from gan_jax.data.archives.table import ARCHIVES
from gan_jax.runtime.errors import USAGE, UserError


def test_numbers_sort_as_numbers_and_all_else_as_text():
    assert classes.in_order(['10', '2', '0', '1']) == ['0', '1', '2', '10']
    assert classes.in_order(['010', '9', '0009', '00']) == ['00', '0009', '9', '010']
    assert classes.in_order(['10', '2', 'b', 'a']) == ['10', '2', 'a', 'b']
    assert classes.in_order(['²', '10', '9']) == ['10', '9', '²']  # a digit that is no number
    long = ['1' * 5000, '2', '1' * 4999]
    assert classes.in_order(long) == ['2', '1' * 4999, '1' * 5000]


def test_the_first_classes_are_listed():
    assert classes.listed(('cat', 'dog'), 2) == '2 classes (0 cat, 1 dog)'
    assert classes.listed(None, 7) == '7 classes'
    assert classes.listed(('0', '1'), 2) == '2 classes'  # numbers say nothing twice
    assert classes.listed(('1', '0'), 2) == '2 classes (0 1, 1 0)'
    assert classes.listed(None, 0) == 'no classes'
    many = classes.listed(tuple(map(str, range(100, 200))), 100)
    assert many.startswith('100 classes (0 100, 1 101, ') and many.endswith(', 11 111, ...)')
    assert classes.listed(('a\nb',), 1) == r'1 classes (0 a\nb)'


def test_classes_without_an_image_are_told():
    labels = np.array([1, 2, 3, 4, 4])
    assert classes.empty_note('x', labels, 5) == ('x: of 5 classes 1 have no image to train on: 0',)
    (named,) = classes.empty_note('x', labels, 6, tuple('abcdef'))
    assert named == 'x: of 6 classes 2 have no image to train on: 0 a, 5 f'
    assert classes.empty_note('x', np.arange(5), 5) == ()
    (many,) = classes.empty_note('x', np.array([0, 2**31 - 2]), 2**31 - 1)  # in no time
    assert '2147483645 have no image' in many and many.endswith(' 11, 12, ...')


@pytest.mark.parametrize(
    ('text', 'number'), [('dog', 1), ('0', 0), ('2', 2), ('10', 0), ('1', 1), ('3', 3)]
)
def test_a_class_is_meant_by_its_name_or_its_number(text, number):
    assert classes.number_of(text, ('10', 'dog', 'two', 'x'), 4) == number


@pytest.mark.parametrize(
    ('text', 'names', 'sentence'),
    [
        (
            'dgo',
            ('cat', 'dog'),
            "no class 'dgo': give a class from 0 to 1, or its name; did you mean",
        ),
        ('2', ('cat', 'dog'), 'give a class from 0 to 1, or its name; known: cat, dog'),
        ('-1', None, "there is no class '-1': give a class from 0 to 1"),
        ('²', None, 'give a class from 0 to 1'),
        ('9' * 5000, None, 'give a class from 0 to 1'),
    ],
)
def test_another_class_is_a_sentence(text, names, sentence):
    with pytest.raises(UserError) as caught:
        classes.number_of(text, names, 2)
    assert sentence in str(caught.value)
    assert caught.value.status == USAGE


def test_published_classes_have_their_names():
    for name, archive in ARCHIVES.items():
        if archive.class_names:
            assert len({*archive.class_names}) == archive.num_classes, name
    named = {name for name, archive in ARCHIVES.items() if archive.class_names}
    assert named == {
        *('cifar10', 'cifar100', 'mnist', 'fashion_mnist', 'kmnist', 'emnist', 'stl10', 'svhn')
    }
    assert data.outline('cifar10', 32).class_names[3] == 'cat'
    assert names.CIFAR_100[:2] == ('apple', 'aquarium_fish') and names.CIFAR_100[-1] == 'worm'
    assert names.EMNIST[35:37] == ('Z', 'a') and names.EMNIST[46] == 't'
    assert data.load('digits').class_names[7] == '7'
    assert data.load('stacked_digits', split='test').class_names[7] == '007'
