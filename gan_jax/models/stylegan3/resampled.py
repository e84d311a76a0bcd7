"""Low-pass filters, and the nonlinearity of a continuous signal through them.

A resampling along an axis is a matrix with a band of taps. As a product it takes more operations
than the taps alone, about a fifth of the 3×3 convolution's at 64 pixels and 512 channels. But a
product is what accelerators are made for, and its transposed is its gradient. Where operands are
rounded to bfloat16, as a TPU does, images follow a shift at 57 dB in place of 62 to 75 (32 pixels,
16 channels, first weights, shifts of 1 to 4 pixels; emulated); rounded taps alone change nothing.
"""

import functools
import math

import numpy as np
from jax import Array

from gan_jax.models.layers import along_both
from gan_jax.models.stylegan2.equalised import activate
from gan_jax.models.stylegan2.modulated import clamped
from gan_jax.models.stylegan3.bands import Band

TAPS = 6  # of a filter, for each sample at the lower rate
FINER = 2  # the nonlinearity's rate over the higher rate of its input and result


def low_pass(taps: int, cutoff: float, width: float, rate: float) -> np.ndarray:
    """The taps of a low-pass filter, float64 [taps], a sinc in Kaiser's window; they sum to 1.

    The window's shape follows from the taps and the transition by Kaiser's formulas (Oppenheim &
    Schafer, Discrete-Time Signal Processing, section 7.5.3).

    Args:
        taps: 2 or more.
        cutoff: frequency of half the amplitude.
        width: of the transition band, stopband less passband.
        rate: samples; in the unit of cutoff and width.
    """
    attenuation = 2.285 * (taps - 1) * 2 * math.pi * width / rate + 7.95
    place = np.arange(taps) - (taps - 1) / 2
    wave = np.sinc(2 * cutoff / rate * place)
    found = wave * np.kaiser(taps, _shape(attenuation))
    return found / found.sum()


def _shape(attenuation: float) -> float:
    """Kaiser's beta for an attenuation of the stopband in dB."""
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    if attenuation > 21:
        return 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    return 0.0


@functools.cache
def resampling(source: Band, target: Band, length: int) -> tuple[np.ndarray, np.ndarray]:
    """The matrices along an axis to the nonlinearity's rate, and from it to the target's.

    They keep the middle of the map in its place; beyond the border there are zeros.

    Args:
        source: the band before the convolution; its filter is the first.
        target: the band after the nonlinearity.
        length: of the axis after the convolution, which widens the map.

    Returns:
        float64 [fine, length] and [target.side, fine].
    """
    rate = FINER * max(source.rate, target.rate)
    up, down = rate // source.rate, rate // target.rate
    filters = [
        low_pass(TAPS * times, band.cutoff, 2 * band.width, rate)
        for times, band in ((up, source), (down, target))
    ]
    fine = (target.side - 1) * down + TAPS * down
    padding = fine - length * up + TAPS * up - 1
    before = (padding + up) // 2  # of zeros at the finer rate; less than 0 cuts off
    finer = before + up * np.arange(length) - np.arange(fine)[:, None]
    coarser = np.arange(fine) - down * np.arange(target.side)[:, None]
    return up * _banded(filters[0], finer), _banded(filters[1], coarser)


def _banded(taps: np.ndarray, index: np.ndarray) -> np.ndarray:
    """The taps at an index, and zeros where there is none."""
    inside = (index >= 0) & (index < len(taps))
    return np.where(inside, taps[np.where(inside, index, 0)], 0)


def continuous_activate(x: Array, source: Band, target: Band, clamp: bool) -> Array:
    """√2 leaky ReLU of the signal of x [N, H, H, C], in the target's band: [N, side, side, C].

    Args:
        x: after a convolution of a map of the source's band.
        source: the band before.
        target: the band after.
        clamp: whether the activation is kept within ±256.
    """
    finer, coarser = resampling(source, target, x.shape[1])
    y = clamped(activate(along_both(x, finer)), 1.0, clamp)
    return along_both(y, coarser)
