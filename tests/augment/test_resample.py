"""Positions and weights by themselves."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.augment import resample


@pytest.mark.parametrize('size', [1, 2, 3, 8])
def test_reflect_reads_what_padding_puts_there(size):
    far = 3 * size + 2
    outside = jnp.arange(-far, size + far, dtype=jnp.float32)
    expected = np.pad(np.arange(size), far, mode='reflect')
    np.testing.assert_array_equal(resample.reflect(outside, size), expected)


def test_reflect_is_symmetric_between_pixels():
    positions = jnp.array([-0.25, 7.25, 14.25, -7.5])
    np.testing.assert_array_equal(resample.reflect(positions, 8), [0.25, 6.75, 0.25, 6.5])
    np.testing.assert_array_equal(resample.reflect(jnp.array([-0.25, 0.25]), 1), [0, 0])


def test_window_of_the_whole_image_is_its_pixels():
    positions = resample.window(jnp.zeros(1), jnp.ones(1), 100)
    np.testing.assert_array_equal(positions[0], np.arange(100))


def test_window_samples_the_centres_of_equal_parts():
    # Four samples of the half [2, 4] of four pixels: parts of width 1/2, pixel j covers j ± 1/2.
    positions = resample.window(jnp.array([2.0]), jnp.array([0.5]), 4)
    np.testing.assert_array_equal(positions[0], np.array([2.25, 2.75, 3.25, 3.75]) - 0.5)


def test_sample_interpolates_each_axis():
    image = jnp.array([[0.0, 1.0], [0.5, 0.25]])[None, :, :, None]
    out = resample.sample(image, jnp.array([[0.0, 0.5, 1.0]]), jnp.array([[0.25]]))
    np.testing.assert_array_equal(out[0, :, 0, 0], [0.25, 0.34375, 0.4375])


@pytest.mark.slow
def test_crop_outside_the_border_pixels_centre_repeats_it():
    image = jnp.array([0.0, 1.0, 0.5, 0.25])[None, :, None, None]
    half, one, zero = jnp.full(1, 0.5), jnp.ones(1), jnp.zeros(1)
    first = resample.crop(image, zero, zero, half, one)[0, :, 0, 0]
    np.testing.assert_array_equal(first, [0.0, 0.25, 0.75, 0.875])
    last = resample.crop(image, one, zero, half, one)[0, :, 0, 0]
    np.testing.assert_array_equal(last, [0.625, 0.4375, 0.3125, 0.25])
