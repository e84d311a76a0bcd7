"""What is an alarm, and what is none, to the number."""

import numpy as np
import pytest

from gan_jax.run import alarms


def noise(count, scale, seed=0):
    """uint8 [N, 4, 4, 3] of a deviation of about `scale` around 128."""
    drawn = np.random.default_rng(seed).normal(128, scale, (count, 4, 4, 3))
    return drawn.round().clip(0, 255).astype(np.uint8)


def test_losses_beyond_the_bound_are_told_with_the_largest():
    means = {'d/a/real': 3.0, 'd/a/fake': -5e5, 'g/a/fake': 2e5}
    said = alarms.blown_up(means, 40)
    assert said.startswith('large losses: d/a/fake is -5e+05 at step 40, ')


@pytest.mark.parametrize('means', [{}, {'d/a/real': 1e5, 'd/a/fake': -1e5, 'g/a/fake': 0.0}])
def test_losses_within_it_are_not(means):
    assert alarms.blown_up(means, 40) == ''


def test_spread_of_known_images():
    black, white = np.zeros((1, 2, 2, 1), np.uint8), np.full((1, 2, 2, 1), 255, np.uint8)
    assert alarms.spread(np.repeat(white, 5, axis=0)) == 0.0
    assert alarms.spread(np.concatenate([black, white])) == 127.5
    half = white.copy()
    half[:, 0] = 0  # half of the pixels differ
    assert alarms.spread(np.concatenate([black, half])) == pytest.approx(127.5 / 2**0.5)


@pytest.mark.parametrize('count', [7, 64])
def test_spread_is_that_of_numpy(count):
    images = noise(count, 30.0)
    expected = np.sqrt(np.var(images.astype(np.float64), axis=0).mean())
    assert alarms.spread(images) == pytest.approx(expected, rel=1e-12)


def test_spread_of_many_images_is_that_of_some_of_all_of_them():
    """The first ones of a data set may all be of one class."""
    images = np.zeros((128, 2, 2, 1), np.uint8)
    images[64:] = 255
    assert alarms.spread(images) == 127.5


def test_images_that_are_nearly_one_are_told():
    said = alarms.collapsed(noise(64, 1.0), 50.0, 250)
    share = alarms.spread(noise(64, 1.0)) / 50
    assert 0.018 < share < 0.022
    assert said.startswith(
        f'equal images: at step 250 generated images differ from each other by {share:.1%} of'
    )


@pytest.mark.parametrize(('scale', 'step'), [(1.0, 249), (1.0, 0), (2.7, 250), (50.0, 250)])
def test_images_of_an_untrained_generator_or_that_differ_are_not(scale, step):
    assert alarms.collapsed(noise(64, scale), 50.0, step) == ''


def test_data_without_a_spread_are_another_fault():
    assert alarms.collapsed(noise(64, 0.0), 0.0, 1000) == ''


def test_a_bound_is_the_last_that_is_no_alarm():
    images = np.zeros((2, 1, 1, 1), np.uint8)
    images[1] = 10  # a spread of 5
    assert alarms.collapsed(images, 100.0, 250) == ''
    assert alarms.collapsed(images, 100.1, 250).startswith('equal images: ')
