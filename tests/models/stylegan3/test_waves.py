"""StyleGAN3's input against its formula, sample by sample."""

import jax
import numpy as np
import pytest

from gan_jax.models.stylegan3.bands import Band
from gan_jax.models.stylegan3.waves import Waves, places, waves
from tests import small
from tests.models.stylegan3 import loops

BAND = Band(2.0, 2.0, 8, 11, 5)


def initial(size=4):
    w, shift = np.zeros((1, size), 'f4'), np.zeros((1, 2), 'f4')
    return small.jit(Waves(BAND).init)(jax.random.key(0), w, shift)


def test_waves_are_turned_and_shifted_by_w_and_shifted_besides(x64):
    rng = np.random.default_rng(0)
    w, shift = rng.standard_normal((3, 4)), rng.standard_normal((3, 2))
    variables = loops.numbers(initial())
    found = small.jit(Waves(BAND).apply)(variables, w, shift)
    expected = loops.waves(variables['params'], w, shift, BAND, *waves(BAND))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_at_first_every_w_gives_the_waves_as_they_are():
    variables, w = initial(), np.random.default_rng(0).standard_normal((2, 4)).astype('f4')
    first, second = small.jit(Waves(BAND).apply)(variables, w, np.zeros((2, 2), 'f4'))
    assert not np.asarray(variables['params']['kernel']).any()
    np.testing.assert_array_equal(first, second)
    params = {**loops.numbers(variables)['params'], 'dense': variables['params']['dense']}
    params |= {'kernel': np.zeros((4, 4)), 'bias': np.array([1, 0, 0, 0])}
    expected = loops.waves(params, w[:1], np.zeros((1, 2)), BAND, *waves(BAND))
    np.testing.assert_allclose(first, expected[0], atol=1e-5)


def test_frequencies_are_even_over_the_disc():
    """As many in every ring and sector as its area; phases are even and not the frequencies'."""
    frequencies, phases = waves(Band(2.0, 2.0, 8, 11, 512))
    radius = np.hypot(*frequencies.T)
    assert radius.max() < 2
    assert np.histogram(radius**2, 8, (0, 4))[0] == pytest.approx(64, abs=1)
    angle = np.arctan2(*frequencies.T)
    assert np.histogram(angle, 8, (-np.pi, np.pi))[0] == pytest.approx(64, abs=4)
    assert np.histogram(phases, 8, (-0.5, 0.5))[0] == pytest.approx(64, abs=4)
    assert np.abs(np.corrcoef([*frequencies.T, phases]) - np.eye(3)).max() < 0.05


def test_places_are_symmetric_and_a_sample_apart():
    assert places(BAND) == pytest.approx(-places(BAND)[::-1])
    assert np.diff(places(BAND)) == pytest.approx(1 / 8)
    assert places(BAND._replace(side=8))[0] == -0.5 + 1 / 16
