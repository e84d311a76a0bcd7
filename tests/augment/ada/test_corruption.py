"""Noise and cutout against the published code, and by hand."""

import jax.numpy as jnp
import numpy as np

from gan_jax.augment.ada import corruption
from tests.augment.references.published import differs, numbers

ONE = jnp.float32(1)


def drawn(name):
    return corruption.parameters(*numbers(f'corruption/{name}', 'normal', 'gates'), ONE)


def test_noise_is_the_published_code():
    images, noise = numbers('corruption', 'images', 'noise/noise')
    deviation = drawn('noise').deviation
    assert differs(corruption.noisy(images, deviation, noise), 'corruption/noise') < 1e-6
    assert differs(corruption.noisy(images, -deviation, noise), 'corruption/noise') > 0.1
    assert differs(corruption.noisy(images, 2 * deviation, noise), 'corruption/noise') > 0.1


def test_cutout_is_the_published_code():
    images, centre = numbers('corruption', 'images', 'cutout/centre')
    size = drawn('cutout').size
    assert differs(corruption.cut(images, size, centre), 'corruption/cutout') == 0
    assert differs(corruption.cut(images, size, centre[::-1]), 'corruption/cutout') > 0.1
    assert differs(corruption.cut(images, size / 2, centre), 'corruption/cutout') > 0.1


def test_a_box_by_hand():
    images = jnp.ones((2, 4, 8, 1))
    found = corruption.cut(images, jnp.float32([0.5, 0]), jnp.float32([[0.25, 0.5], [1, 0.5]]))
    expected = np.ones((4, 8))
    expected[3:, :4] = 0
    np.testing.assert_array_equal(found[0, ..., 0], expected)
    np.testing.assert_array_equal(found[1, ..., 0], np.ones((4, 8)))


def test_amounts_come_of_their_numbers():
    gates = jnp.float32([[0, 1], [1, 0]])
    found = corruption.parameters(jnp.float32([-2, -2]), gates, jnp.float32(0.5))
    np.testing.assert_allclose(np.stack(found), [[0.2, 0], [0, 0.5]], rtol=1e-6)
