"""The network that learns classes: on digits, and on what it refuses."""

import jax
import numpy as np
import pytest

from gan_jax import data
from gan_jax.evaluate import class_network


@pytest.mark.slow
@pytest.mark.usefixtures('mixed_types')  # optax's schedules
def test_it_learns_digits():
    train, test = (data.load('digits', split=split) for split in ('train', 'test'))
    told = []

    def tell(*at):
        told.append(at)
        assert not any(x.shape == train.images.shape for x in jax.live_arrays())

    predict = class_network.learn(train.images, train.labels, 10, steps=120, progress=tell)
    assert np.mean(predict(test.images) == test.labels) > 0.9
    assert told == [(i, 120) for i in range(1, 121)]


def test_labels_are_one_for_each_image():
    with pytest.raises(ValueError, match=r'labels must be \[3\], got shape \(2,\)'):
        class_network.learn(np.zeros((3, 8, 8, 1), np.uint8), np.zeros(2, int), 10)
