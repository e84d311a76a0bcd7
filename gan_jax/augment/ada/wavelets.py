"""The filters of the pipe: an image is resampled by one, and split into bands by a bank of others.

Both come from symlets, Daubechies' orthogonal wavelets with the least asymmetric low-pass filters:
h has 2n taps and n zeros at the highest frequency, sums to √2, and is orthogonal to itself shifted
by any even number of taps.

Source: Karras et al. 2020 (2006.06676), appendix B; Daubechies 1992, "Ten Lectures on Wavelets".
"""

import numpy as np

SYM2 = np.array([1 - 3**0.5, 3 - 3**0.5, 3 + 3**0.5, 1 + 3**0.5]) / 32**0.5
# As printed by PyWavelets, `pywt.Wavelet('sym6').dec_lo`; good to twelve digits.
SYM6 = np.array(
    [
        *(0.015404109327027373, 0.0034907120842174702, -0.11799011114819057),
        *(-0.048311742585633, 0.4910559419267466, 0.787641141030194),
        *(0.3379294217276218, -0.07263752278646252, -0.021060292512300564),
        *(0.04472490177066578, 0.0017677118642428036, -0.007800708325034148),
    ]
)


def bank() -> np.ndarray:
    """Filters of four bands of frequencies, an octave each, the lowest first: [4, 43].

    They are symmetric, and sum to the identity: 1 at the middle tap, 0 elsewhere.
    """
    low = _correlated(SYM2)
    high = _correlated(SYM2 * (-1.0) ** np.arange(4))
    bands, rest = [], np.ones(1)
    for octave in range(3):
        bands.append(np.convolve(rest, _dilated(high, 2**octave)))
        rest = np.convolve(rest, _dilated(low, 2**octave))
    return np.stack([_centred(band, len(rest)) for band in [rest, *bands[::-1]]])


def _correlated(taps: np.ndarray) -> np.ndarray:
    """H(z)·H(1/z) / 2: the filter and its mirror image, one after the other; symmetric."""
    return np.convolve(taps, taps[::-1]) / 2


def _dilated(taps: np.ndarray, step: int) -> np.ndarray:
    spread = np.zeros(step * (len(taps) - 1) + 1)
    spread[::step] = taps
    return spread


def _centred(taps: np.ndarray, length: int) -> np.ndarray:
    return np.pad(taps, (length - len(taps)) // 2)
