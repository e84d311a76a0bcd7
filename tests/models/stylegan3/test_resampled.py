"""Filters against SciPy's, matrices against loops, and signals that keep their places."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from gan_jax.models.stylegan3.bands import bands
from gan_jax.models.stylegan3.resampled import continuous_activate, low_pass, resampling
from gan_jax.models.stylegan3.waves import places
from tests import small
from tests.models.stylegan3 import loops

BANDS = bands(64, 3, 32_768, 512, 14)
PAIRS = {'a rate': (0, 1), 'a rate and twice it': (3, 4), 'the last map': (12, 13)}


@pytest.mark.parametrize('taps', [12, 24])
@pytest.mark.parametrize(
    ('cutoff', 'width', 'rate'), [(2.0, 12.0, 32), (20.2, 23.7, 128), (32.0, 0.7, 128), (8, 30, 64)]
)
def test_taps_are_scipy_s(taps, cutoff, width, rate):
    """Windows of every kind: beyond 50 dB, beyond 21 dB, and without a shape."""
    expected = signal.firwin(taps, cutoff, width=width, fs=rate)
    np.testing.assert_allclose(low_pass(taps, cutoff, width, rate), expected, atol=1e-15)


def test_a_filter_halves_its_cutoff_keeps_what_is_below_and_stops_what_is_above():
    taps = low_pass(48, 10.0, 8.0, 64)
    response = np.abs(np.fft.rfft(taps, 640))  # a tenth of a wave a step
    assert response[100] == pytest.approx(0.5, abs=0.01)
    assert np.abs(response[:61] - 1).max() < 1e-3 and response[140:].max() < 1e-3


@pytest.mark.parametrize('pair', [*PAIRS.values(), (4, 3)])
def test_the_activation_is_zeros_filter_leak_filter_and_every_second_sample(pair, x64):
    source, target = (BANDS[i]._replace(side=side) for i, side in zip(pair, (7, 6), strict=True))
    x = np.random.default_rng(0).standard_normal((2, 9, 9, 2))
    expected = loops.continuous(x, source, target)
    found = continuous_activate(jnp.asarray(x), source, target, False)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize('pair', PAIRS.values(), ids=PAIRS)
def test_a_wave_stays_in_its_place(pair):
    """Up and down again, without the nonlinearity: somewhat weaker, and not a sample late."""
    source, target = (BANDS[i] for i in pair)
    finer, coarser = resampling(source, target, source.side + 2)

    def wave(band):
        return np.exp(2j * np.pi * 0.5 * source.cutoff * places(band))

    found = coarser @ (finer @ wave(source._replace(side=source.side + 2)))
    ratio = (found / wave(target))[np.abs(places(target)) < 0.4]
    late = np.angle(ratio) / (np.pi * source.cutoff) * target.rate  # in samples
    assert np.abs(late).max() < 1e-3
    assert np.abs(ratio).min() > 0.75 and np.ptp(np.abs(ratio)) < 1e-3


@pytest.mark.parametrize(('clamp', 'most'), [(True, 256), (False, 1e4 * 2**0.5)])
def test_activations_are_kept_within_the_clamp(clamp, most):
    x = np.full((1, 38, 38, 1), 1e4)
    found = small.jit(partial(continuous_activate, clamp=clamp), static_argnums=(1, 2))
    middle = found(x.astype('f4'), *BANDS[:2])[0, 18, 18, 0]
    assert float(middle) == pytest.approx(most, rel=0.01)


def test_half_precision_stays_half():
    x = jax.ShapeDtypeStruct((1, 38, 38, 1), jnp.bfloat16)
    run = partial(continuous_activate, source=BANDS[0], target=BANDS[1], clamp=True)
    assert jax.eval_shape(run, x).dtype == jnp.bfloat16
