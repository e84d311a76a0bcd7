"""Power spectra of images, and their difference along the radius, in decibel.

"Alias-Free Generative Adversarial Networks" (Karras et al. 2021, arXiv 2106.12423, appendix A and
their code): windowed images, so that the border does not count as an edge, with zeros around them.
The mean over circles of one frequency, and what is made of it, is ours; "Watch your Up-Convolution"
(Durall et al. 2020, arXiv 2003.01826) compares such profiles. Float64 on the host.
"""

import math
from typing import NamedTuple

import numpy as np

from gan_jax.evaluate.curve import Curves
from gan_jax.runtime.progress import ProgressFn

BETA = 8  # of the Kaiser window
PADDING = 4  # the side of the padded image in sides of the image
CHUNK, BYTES = 32, 1 << 28  # at most so many images, or bytes, of transforms are held at once
ROUNDING = 1 / 12  # variance of the rounding to uint8


class Scale(NamedTuple):
    """The mean and deviation that images are scaled by, one of each for all channels."""

    mean: float
    deviation: float


def scale_of(images: np.ndarray) -> Scale:
    """Mean and deviation of all values of uint8 images [N, H, W, C], N >= 1; 1 if all are equal."""
    step = _chunk(images.shape)
    starts = range(0, len(images), step)
    counts = sum(np.bincount(np.ravel(images[i : i + step]), minlength=256) for i in starts)
    values, shares = np.arange(256), counts / images.size
    mean = float(shares @ values)
    return Scale(mean, math.sqrt(float(shares @ (values - mean) ** 2)) or 1.0)


def profile(
    images: np.ndarray, scale: Scale, *, progress: ProgressFn = lambda *_: None
) -> np.ndarray:
    """Decibel [min(H, W) // 2 + 1]: the power at 0, 1, 2, ... cycles over the shorter side.

    White noise of variance `scale.deviation`² is at 0 at every frequency. Nothing is below the
    noise of the rounding to uint8.

    Args:
        images: uint8 [N, H, W, C], N >= 1.
        scale: the same for all sets that are compared.
        progress: told of images.
    """
    power = power_spectrum(images, scale, progress=progress)
    short = min(images.shape[1:3])
    frequencies = [np.fft.fftfreq(n) * short for n in power.shape]
    radius = np.rint(np.hypot(*np.meshgrid(*frequencies, indexing='ij'))).astype(int)
    inside = radius <= short // 2
    total = np.bincount(radius[inside], power[inside])
    mean = total / np.bincount(radius[inside])
    return 10 * np.log10(np.maximum(mean, ROUNDING / scale.deviation**2))


def power_spectrum(
    images: np.ndarray, scale: Scale, *, progress: ProgressFn = lambda *_: None
) -> np.ndarray:
    """Mean |FFT|² over images and channels, float64 [4H, 4W], with the constant part at [0, 0]."""
    count, height, width, _ = images.shape
    window = np.outer(_window(height), _window(width))[None, :, :, None]
    total = np.zeros((PADDING * height, PADDING * width))
    step = _chunk(images.shape)
    for first in range(0, count, step):
        some = np.asarray(images[first : first + step], np.float64)
        found = np.fft.fft2((some - scale.mean) / scale.deviation * window, total.shape, (1, 2))
        total += (np.abs(found) ** 2).mean(axis=3).sum(axis=0)
        progress(min(first + step, count), count)
    return total / count


def difference(fake: np.ndarray, real: np.ndarray) -> float:
    """The root mean square of the difference of two profiles, in decibel, without the constant."""
    return float(np.sqrt(np.mean((fake - real)[1:] ** 2)))


def octaves(fake: np.ndarray, real: np.ndarray) -> dict[int, float]:
    """By its lowest frequency, 1, 2, 4, ...: the mean of fake - real of each octave, in decibel.

    Below 0 the fakes have too little of it. The last octave ends with the profiles.
    """
    starts = [2**k for k in range(math.ceil(math.log2(len(fake) - 1)))]
    ends = [*starts[1:], len(fake)]
    return {a: float(np.mean((fake - real)[a:b])) for a, b in zip(starts, ends, strict=True)}


def curves(fake: np.ndarray, real: np.ndarray) -> Curves:
    """Two profiles along the frequency, in cycles over the shorter side."""
    both = {'real': real.tolist(), 'generated': fake.tolist()}
    return Curves('frequency', range(len(real)), both, 'power in decibel')


def _chunk(shape: tuple[int, ...]) -> int:
    """The number of images [N, H, W, C] whose transforms are held at once; at least one."""
    each = np.dtype(np.complex128).itemsize * PADDING**2 * math.prod(shape[1:])
    return max(1, min(CHUNK, BYTES // each))


def _window(size: int) -> np.ndarray:
    """Kaiser's window [size], Σ w² = 1."""
    window = np.kaiser(size, BETA)
    return window / np.linalg.norm(window)
