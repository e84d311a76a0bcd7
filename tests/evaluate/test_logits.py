"""Overfitting and sensitivity of a discriminator: by hand, on logits that are known."""

import numpy as np
import pytest

from gan_jax import data
from gan_jax.evaluate.logits import SENSITIVE_TO, overfitting, sensitivity
from gan_jax.evaluate.probes import augmented


def images(channels=1):
    kind = {1: 'digits', 3: 'stacked_digits'}[channels]
    return data.load(kind).images[:100]


def test_overfitting_by_hand():
    found = overfitting(np.array([3.0, 5.0]), np.array([2.0]), np.array([-1.0, -1.0, 1.0, -3.0]))
    assert found == {'logit_train': 4, 'logit_test': 2, 'logit_fake': -1, 'overfit': 0.4}


@pytest.mark.parametrize(('test', 'expected'), [(4.0, 0), (-2.0, 1), (7.0, -0.5)])
def test_overfitting_at_its_ends(test, expected):
    assert overfitting(np.full(3, 4.0), np.array([test]), np.array([-2.0]))['overfit'] == expected


@pytest.mark.slow
def test_a_discriminator_that_tells_nothing_apart_has_no_number():
    assert np.isnan(overfitting(np.ones(3), np.ones(2), np.ones(2))['overfit'])
    assert np.isnan([*sensitivity(lambda x: np.ones(len(x)), images()).values()]).all()


def brightness(x):
    return x.mean(axis=(1, 2, 3), dtype=np.float64)


def test_sensitivity_is_the_mean_change_in_standard_deviations():
    found = sensitivity(brightness, images(), policies={'cut': 'cutout(0.3)'}, seed=3)
    before, after = brightness(images()), brightness(augmented(images(), 'cutout(0.3)', 3))
    np.testing.assert_allclose(found['cut'], np.mean(after - before) / before.std(), rtol=1e-12)
    assert abs(found['cut']) > 0.01


def test_a_sum_of_pixels_does_not_see_a_flip_and_an_index_does():
    found = sensitivity(brightness, images())
    assert found.keys() == SENSITIVE_TO.keys()
    assert found['flip'] == 0
    left = sensitivity(lambda x: x[:, :, :5].mean(axis=(1, 2, 3)), images())
    assert abs(left['flip']) > 0


@pytest.mark.slow
@pytest.mark.parametrize('channels', [1, 3])
def test_every_policy_is_one_that_there_is(channels):
    assert np.isfinite([*sensitivity(brightness, images(channels)).values()]).all()
