"""Classes by concatenation: the logit in NumPy, and the part of the class in it."""

from functools import partial

import jax
import numpy as np
import pytest

from gan_jax.models.cgan import ConcatLogit, with_classes
from tests import small

LABEL = np.array([0, 2, 1, 3])
FEATURES = np.random.default_rng(0).standard_normal((4, 5)).astype('float32')


def test_the_class_stands_beside_the_latents_as_a_one_hot_vector():
    found = with_classes(FEATURES, LABEL, 3)
    np.testing.assert_array_equal(found[:, :5], FEATURES)
    np.testing.assert_array_equal(found[:, 5:], [[1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 0]])
    assert with_classes(FEATURES, None, 0) is FEATURES


@pytest.fixture(scope='module')
def logit():
    """A plain logit as a function of features and labels, and its parameters."""
    module = ConcatLogit(3, units=6, normalised=False)
    start = partial(module.init, train=True)
    shapes = jax.eval_shape(start, jax.random.key(0), FEATURES, LABEL)
    variables = small.numbers(shapes, np.random.default_rng(1), 'float32')
    run = small.jit(lambda x, label: module.apply(variables, x, label, train=True)['logit'])
    return run, variables['params']


def test_the_logit_is_a_hidden_layer_on_features_and_class(logit):
    run, p = logit
    joined = np.concatenate([FEATURES, np.eye(4)[LABEL][:, :3]], axis=1)
    hidden = joined @ p['hidden']['kernel'] + p['hidden']['bias']
    hidden = np.where(hidden > 0, hidden, 0.2 * hidden)
    expected = (hidden @ p['dense']['kernel'] + p['dense']['bias'])[:, 0]
    np.testing.assert_allclose(run(FEATURES, LABEL), expected, rtol=1e-5, atol=1e-5)


def test_the_class_changes_the_logit_of_different_images_by_different_numbers(logit):
    run, _ = logit
    change = run(FEATURES, np.zeros(4, int)) - run(FEATURES, np.ones(4, int))
    assert np.std(change) > 0.01


def test_both_layers_have_spectral_normalisation_but_where_it_is_left_out():
    for normalised, found in {True: {'hidden/kernel/u', 'dense/kernel/u'}, False: set()}.items():
        start = partial(ConcatLogit(3, normalised=normalised).init, train=True)
        variables = jax.eval_shape(start, jax.random.key(0), FEATURES, LABEL)
        layers = variables.get('batch_stats', {}).values()
        assert {name for layer in layers for name in layer} == found
