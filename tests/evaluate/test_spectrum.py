"""Power spectra: of noise, of waves, and what is made of two of them."""

import numpy as np
import pytest

from gan_jax.evaluate import curve, spectrum


def noise(count=40, shape=(16, 16, 1), deviation=20, seed=0):
    x = np.random.default_rng(seed).normal(128, deviation, (count, *shape))
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)


def waves(frequency, side=32, axis=0, count=4):
    phase = np.arange(count)[:, None, None] + 0 * np.indices((side, side))[axis]
    x = 128 + 100 * np.cos(2 * np.pi * frequency * np.indices((side, side))[axis] / side + phase)
    return np.rint(x)[..., None].astype(np.uint8)


def test_the_scale_is_of_all_values():
    x = noise(70, (8, 8, 3))
    assert spectrum.scale_of(x) == pytest.approx((x.mean(), x.std()))
    assert spectrum.scale_of(np.full((2, 8, 8, 1), 7, np.uint8)) == (7, 1)


def test_the_spectrum_is_that_of_the_sums_written_out():
    x, scale = noise(3, (6, 4, 2)), spectrum.Scale(100.0, 30.0)
    windows = [np.kaiser(n, 8) / np.sqrt((np.kaiser(n, 8) ** 2).sum()) for n in (6, 4)]
    seen = (x - 100.0) / 30 * np.multiply.outer(*windows)[None, :, :, None]
    rows, columns = (
        np.exp(-2j * np.pi * np.outer(np.arange(4 * n), np.arange(n)) / (4 * n)) for n in (6, 4)
    )
    expected = np.abs(np.einsum('ui,nijc,vj->nuvc', rows, seen, columns)) ** 2
    np.testing.assert_allclose(spectrum.power_spectrum(x, scale), expected.mean(axis=(0, 3)))


def test_transforms_are_held_by_their_bytes(monkeypatch):
    assert spectrum._chunk((9, 16, 16, 1)) == 32
    assert spectrum._chunk((9, 256, 256, 3)) == 5  # of 50 MB each
    assert spectrum._chunk((9, 1024, 1024, 3)) == 1
    x, told = noise(5), []
    scale = spectrum.scale_of(x)
    whole = spectrum.power_spectrum(x, scale)
    monkeypatch.setattr(spectrum, 'BYTES', 2 * 16 * 16 * 256)
    found = spectrum.power_spectrum(x, scale, progress=lambda *at: told.append(at))
    assert told == [(2, 5), (4, 5), (5, 5)] and spectrum.scale_of(x) == scale
    np.testing.assert_allclose(found, whole)


def test_white_noise_is_at_zero_decibel_at_every_frequency():
    x = noise(400)
    found = spectrum.profile(x, spectrum.scale_of(x))
    assert found.shape == (9,) and np.abs(found).max() < 0.5
    half = spectrum.profile(x, spectrum.Scale(float(x.mean()), 2 * float(x.std())))
    np.testing.assert_allclose(found - half, 20 * np.log10(2), atol=1e-3)


@pytest.mark.parametrize('axis', [0, 1])
def test_a_wave_is_at_its_frequency(axis):
    for frequency in (4, 11):
        found = spectrum.profile(waves(frequency, axis=axis), spectrum.Scale(128.0, 70.0))
        assert found.argmax() == frequency


def test_the_profile_is_the_mean_over_each_circle():
    x, scale = noise(3, (6, 10, 1)), spectrum.Scale(100.0, 30.0)
    power, rings = spectrum.power_spectrum(x, scale), {}
    for (u, v), value in np.ndenumerate(power):
        rows, columns = (min(i, 4 * n - i) / (4 * n) for i, n in ((u, 6), (v, 10)))
        rings.setdefault(round(6 * np.sqrt(rows**2 + columns**2)), []).append(value)
    expected = [10 * np.log10(np.mean(rings[r])) for r in range(4)]  # up to 6 // 2
    np.testing.assert_allclose(spectrum.profile(x, scale), expected)


def test_nothing_is_below_the_noise_of_rounding():
    blank = np.full((2, 16, 16, 1), 128, np.uint8)
    found = spectrum.profile(blank, spectrum.Scale(128.0, 50.0))
    np.testing.assert_allclose(found, 10 * np.log10(1 / 12 / 2500))


def test_the_curves_are_both_profiles_along_the_frequency():
    found = spectrum.curves(np.array([5, 6, 7.0]), np.array([1, 2.5, 3]))
    assert curve.table(found) == 'frequency,real,generated\n0,1.0,5.0\n1,2.5,6.0\n2,3.0,7.0\n'
    assert found.quantity == 'power in decibel'


def test_the_difference_leaves_out_the_brightness_and_octaves_have_a_sign():
    real = np.zeros(9)
    fake = np.array([100, 1, 2, 2, -3, -3, -3, -3, -3.0])
    assert spectrum.difference(fake, real) == pytest.approx(np.sqrt((1 + 8 + 45) / 8))
    assert spectrum.octaves(fake, real) == {1: 1, 2: 2, 4: -3}
    assert [*spectrum.octaves(np.zeros(13), np.zeros(13))] == [1, 2, 4, 8]
