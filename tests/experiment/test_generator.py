"""The generator of a config, and networks with the label vectors of the data."""

import numpy as np
import pytest

from gan_jax.experiment.generator import build_generator, with_table
from gan_jax.models import r3gan
from gan_jax.models.conditions import LabelTable, table_of
from gan_jax.runtime.errors import PartError

VECTORS = np.float32([[0, 1], [1, 0.5], [1, 1]])
CONFIG = {
    'dtype': 'float32',
    'generator': {
        'fn': 'gan_jax.models.r3gan.Generator',
        'widths': [16],
        'label_size': 2,
    },
}


def test_a_network_that_takes_label_vectors_has_those_of_the_data():
    assert with_table(r3gan.Logit(label_size=2), VECTORS).label_table == table_of(VECTORS)
    assert build_generator(CONFIG, (4, 4, 1), (), VECTORS).label_table == table_of(VECTORS)


def test_another_network_stays_as_it_is():
    plain = r3gan.Logit(num_classes=3)
    assert with_table(plain, VECTORS) is with_table(plain, 3) is with_table(plain, None) is plain


def test_of_a_checkpoint_only_their_number_is_known():
    found = build_generator(CONFIG, (4, 4, 1), (), 7)
    assert found.label_table == LabelTable((7, 2)) and found.label_table.vectors is None


@pytest.mark.parametrize(
    ('vectors', 'words'), [(None, 'the data have none'), (VECTORS[:, :1], 'vectors of 1 numbers')]
)
def test_data_without_such_labels_are_refused(vectors, words):
    with pytest.raises(PartError, match=f'config.generator: label_size is 2, .*{words}: change'):
        build_generator(CONFIG, (4, 4, 1), (), vectors)
