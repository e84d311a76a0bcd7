"""Values of controls, as a browser may send them."""

import types

import numpy as np
import pytest

from gan_jax.explorer import controls
from gan_jax.runtime.errors import UserError
from gan_jax.sampling.generator import Generator


def explorer(classes=3, layers=4):
    generator = types.SimpleNamespace(
        num_classes=classes,
        class_names=['cat', 'dog', 'owl'],
        class_of=lambda label: Generator.class_of(generator, label),
        class_counts=(1,) * classes,
        label_kind='class',
    )
    return types.SimpleNamespace(generator=generator, layers=layers)


def test_what_is_left_alone_changes_nothing():
    found = controls.choice_of({'number': 3}, explorer())
    assert found == (3, 0, None, 1.0, 1, 4, (), None)


def test_each_control_has_its_place():
    w = np.zeros((4, 2))
    values = dict(number=3.0, other=4, label=2, truncation=0.5, psi=0.7, first=2, step=100)
    moves = {f'move_{i}': float(i) for i in range(3)}
    found = controls.choice_of(values | moves, explorer(), w)
    assert found[:-1] == (3, 2, 0.5, 0.7, 4, 2, (0.0, 1.0, 2.0)) and found.found is w


def test_the_largest_threshold_is_none():
    values = {'number': 0, 'truncation': controls.LARGEST_THRESHOLD}
    assert controls.choice_of(values, explorer()).truncation is None


@pytest.mark.parametrize('number', [-1, 0.5, None, '3', float('nan'), 10**12, True])
def test_a_number_of_no_image_is_said(number):
    with pytest.raises(UserError, match='the number of the image is .*: give an integer from 0'):
        controls.choice_of({'number': number}, explorer())


def test_a_class_that_is_not_there_is_said():
    with pytest.raises(UserError, match="no class '7': give a class from 0 to 2"):
        controls.choice_of({'number': 0, 'label': 7}, explorer())


def test_classes_are_listed_by_number_and_name():
    assert controls.class_choices(explorer()) == [('0 cat', 0), ('1 dog', 1), ('2 owl', 2)]
    unnamed = explorer()
    for unnamed.generator.class_names in (None, ['0', '1', '2']):
        assert controls.class_choices(unnamed) == [('0', 0), ('1', 1), ('2', 2)]
    assert controls.class_choices(explorer(classes=0)) == []


def test_a_row_of_label_vectors_is_called_so():
    of_vectors = explorer()
    assert controls.label_title(of_vectors) == 'Class'
    of_vectors.generator.label_kind = 'row'
    assert controls.label_title(of_vectors) == 'Row of the label vectors'
    assert controls.label_of(2, of_vectors) == 2
    with pytest.raises(UserError, match="no row '3' in the 3 label vectors of the data"):
        controls.label_of(3, of_vectors)
