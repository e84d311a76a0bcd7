"""The digit metrics on real images, whose right values are known."""

import numpy as np

from gan_jax import data
from gan_jax.evaluate import protocol


def measure(images, data_name='digits', size=16):
    return protocol.prepare('fd_digits,modes', data.load(data_name, size=size)).measure(images)


def test_the_train_images_are_at_distance_zero_from_themselves():
    values = measure(data.load('digits').images)
    assert abs(values['fd_digits']) < 1e-6
    assert values['modes'] == 10
    assert values['modes_kl'] < 1e-3


def test_the_held_out_images_are_at_the_floor():
    values = measure(data.load('digits', split='test').images)
    assert values['fd_digits'] == values['fd_digits_floor']
    assert 0.5 < values['fd_digits_floor'] < 1.5


def test_a_collapsed_sample_is_far_and_its_modes_are_counted():
    train = data.load('digits')
    only_two = train.images[np.isin(train.labels, (3, 7))]
    values = measure(only_two)
    assert values['fd_digits'] > 20 * values['fd_digits_floor']
    assert values['modes'] == 2
    assert values['modes_min_share'] == 0
    np.testing.assert_allclose(values['modes_kl'], np.log(5), atol=0.05)  # two of ten classes


def test_stacked_digits_have_a_thousand_modes():
    values = measure(data.load('stacked_digits').images, 'stacked_digits')
    assert values['modes'] == 1000
    assert values['modes_kl'] < 1e-2


def test_no_metric_is_a_valid_choice():
    blank = np.zeros((2, 8, 8, 1), np.uint8)
    anything = data.DataSet(blank, None, 0, 'anything')
    assert protocol.prepare('', anything).measure(blank) == {}


def test_the_protocol_names_the_reference_and_the_extractor():
    described = protocol.prepare('fd_digits', data.load('digits', size=16)).protocol
    assert described['reference'] == 'train, 1437 images'
    assert described['reference_digest'] == data.digest(data.load('digits', size=16))
