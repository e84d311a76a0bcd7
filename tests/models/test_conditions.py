"""Label vectors in networks: rows of a table that is a variable, and no parameter."""

from functools import partial

import jax
import numpy as np
import pytest

from gan_jax.models import r3gan
from gan_jax.models.conditions import LabelTable, exchanged, table_of
from gan_jax.models.stylegan2 import discriminator as stylegan2_d
from gan_jax.models.stylegan2.mapping import Mapping
from tests import small

TABLE = np.array([[0, 1, 0.5], [1, 1, -2]], np.float32)
LABEL = np.array([1, 0, 1], np.int32)
Z, PHI = (np.random.default_rng(i).standard_normal((3, 4)).astype('f4') for i in range(2))
NETWORKS = {
    'mapping': (partial(Mapping, 4, 1), (Z, LABEL)),
    'stylegan2': (partial(stylegan2_d.Logit, layers=1), (PHI, LABEL)),
    'r3gan': (r3gan.Logit, (PHI, LABEL)),
    'r3gan generator': (partial(r3gan.Generator, (4, 4, 1), (4,), 4), (Z, LABEL)),
}


def started(network, inputs):
    options = {} if isinstance(network, Mapping) else {'train': True}
    shapes = jax.eval_shape(partial(network.init, **options), jax.random.key(0), *inputs)
    variables = small.numbers(shapes, np.random.default_rng(2), 'f4')
    return variables, lambda variables, *x: network.apply(variables, *x, **options)


@pytest.mark.parametrize('name', NETWORKS)
def test_with_the_unit_vectors_as_its_table_a_network_is_the_one_with_classes(name):
    make, inputs = NETWORKS[name]
    classes, run = started(make(num_classes=2), inputs)
    expected = run(classes, *inputs)
    unit = make(label_size=2, label_table=table_of(np.eye(2)))
    variables, run = started(unit, inputs)
    assert jax.tree.map(np.shape, variables['params']) == jax.tree.map(np.shape, classes['params'])
    inner = jax.tree.map(lambda leaf: np.eye(2, dtype='f4'), variables['label_vectors'])
    found = run({'params': classes['params'], 'label_vectors': inner}, *inputs)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-6), found, expected)


@pytest.mark.slow
@pytest.mark.parametrize('name', NETWORKS)
def test_the_table_is_a_variable_of_its_own_collection(name):
    make, inputs = NETWORKS[name]
    network = make(label_size=3, label_table=table_of(TABLE))
    options = {} if isinstance(network, Mapping) else {'train': True}
    variables = network.init(jax.random.key(0), *inputs, **options)
    (table,) = jax.tree.leaves(variables['label_vectors'])
    np.testing.assert_array_equal(table, TABLE)
    assert {*variables} == {'params', 'label_vectors'}
    run = partial(network.apply, **options)
    (x, label), other = inputs, jax.tree.map(lambda leaf: leaf[::-1], variables['label_vectors'])
    exchanged = run({**variables, 'label_vectors': other}, x, 1 - label)
    jax.tree.map(np.testing.assert_array_equal, exchanged, run(variables, x, label))


def test_a_table_of_another_size_or_none_is_refused():
    for table in (None, table_of(TABLE)):
        network = r3gan.Logit(label_size=2, label_table=table)
        with pytest.raises(ValueError, match='label_size is 2, and the label vectors of the data'):
            network.init(jax.random.key(0), PHI, LABEL, train=True)


def test_tables_of_the_same_vectors_are_equal():
    """Networks that are equal share what is compiled of them."""
    one, other = table_of(TABLE), table_of(TABLE.copy())
    assert one == other and hash(one) == hash(other)
    assert r3gan.Logit(label_size=3, label_table=one) == r3gan.Logit(
        label_size=3, label_table=other
    )
    assert one != table_of(TABLE[::-1]) and one != LabelTable(TABLE.shape)


def test_a_table_may_be_of_a_shape_alone():
    network = r3gan.Logit(label_size=3, label_table=LabelTable((2, 3)))
    variables = network.init(jax.random.key(0), PHI, LABEL, train=True)
    assert not jax.tree.leaves(variables['label_vectors'])[0].any()
    own = r3gan.Logit(label_size=3, label_table=table_of(TABLE))
    whole = own.init(jax.random.key(0), PHI, LABEL, train=True)
    found = network.apply(exchanged(variables, TABLE), PHI, LABEL, train=False)
    expected = own.apply(whole, PHI, LABEL, train=False)
    np.testing.assert_array_equal(found['logit'], expected['logit'])


def test_a_table_on_the_host_takes_labels_that_are_traced():
    """As an exported program has its weights."""
    network = r3gan.Logit(label_size=3, label_table=table_of(TABLE))
    variables = network.init(jax.random.key(0), PHI, LABEL, train=True)
    on_host = jax.tree.map(np.asarray, variables)
    found = jax.jit(lambda label: network.apply(on_host, PHI, label, train=False)['logit'])(LABEL)
    expected = network.apply(variables, PHI, LABEL, train=False)['logit']
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_without_a_table_there_is_nothing_to_exchange():
    assert exchanged({'params': {}}, TABLE) == {'params': {}}
