"""The real images of an update: bytes become [0, 1], codes stay what they are."""

import numpy as np

from gan_jax.sources import real_images
from gan_jax.terms.adversarial import hinge
from tests import small


def seen(image):
    gan, batch = small.make_gan({'adversarial': hinge()}), small.make_batch()
    own = {name: array[0] for name, array in batch.items()} | {'image': image}
    return np.asarray(real_images(gan, own, small.new_key(0), small.make_hyper({}))['image'])


def test_bytes_become_numbers_in_0_to_1():
    found = seen(np.array([[[[0], [51], [255]]]], np.uint8))
    np.testing.assert_allclose(found.ravel(), [0, 0.2, 1], rtol=1e-6)


def test_codes_are_seen_as_they_are_stored():
    stored = np.array([[[[-3.5], [0.25], [1.0]]]], np.float16)
    found = seen(stored)
    np.testing.assert_array_equal(found, stored.astype(float))
