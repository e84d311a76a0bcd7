"""The filters against the definition of a symlet."""

import numpy as np
import pytest

from gan_jax.augment.ada import wavelets
from tests.augment.references import ada


@pytest.mark.parametrize(('taps', 'zeros'), [(wavelets.SYM2, 2), (wavelets.SYM6, 6)])
def test_a_symlet_is_orthogonal_and_smooth(taps, zeros):
    assert len(taps) == 2 * zeros
    assert np.sum(taps) == pytest.approx(2**0.5, abs=1e-12)
    for shift in range(0, len(taps), 2):
        product = taps[shift:] @ taps[: len(taps) - shift]
        assert product == pytest.approx(float(shift == 0), abs=1e-11)
    alternating = taps * (-1.0) ** np.arange(len(taps))
    for power in range(zeros):
        assert alternating @ np.linspace(-1, 1, len(taps)) ** power == pytest.approx(0, abs=1e-11)


def test_the_longer_symlet_is_the_least_asymmetric():
    np.testing.assert_allclose(wavelets.SYM6, ada.symlet(), rtol=0, atol=1e-11)


def test_the_bands_sum_to_the_identity():
    bank = wavelets.bank()
    assert bank.shape == (4, 43)
    np.testing.assert_allclose(bank.sum(axis=0), np.eye(43)[21], atol=1e-12)
    np.testing.assert_allclose(bank, bank[:, ::-1], atol=1e-15)


def test_each_band_passes_its_octave():
    bank = wavelets.bank()
    middles = np.pi * np.array([0, 3 / 16, 3 / 8, 1])  # below π/8, then an octave each
    response = np.cos(np.outer(middles, np.arange(-21, 22))) @ bank.T
    assert np.all(np.argmax(response, axis=1) == np.arange(4))
    np.testing.assert_allclose(response[[0, 3]], np.eye(4)[[0, 3]], atol=1e-12)
