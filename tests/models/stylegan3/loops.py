"""StyleGAN3's layers as loops in NumPy, written from the definitions, in float64."""

import jax
import numpy as np
from scipy import signal

from tests.models.stylegan2 import loops as stylegan2

TAPS = 6


def taps_of(factor, band, rate):
    """A filter of SciPy's."""
    width = 2 * band.width
    return signal.firwin(TAPS * factor, band.cutoff, width=width, fs=rate)


def filtered(x, taps):
    """Sums under the taps along both axes, wherever all of them lie in the map."""
    for axis in (1, 2):
        x = np.apply_along_axis(lambda row: np.convolve(row, taps, 'valid'), axis, x)
    return x


def spread_out(x, factor):
    """Zeros after every sample."""
    n, height, width, c = x.shape
    y = np.zeros((n, factor * height, factor * width, c))
    y[:, ::factor, ::factor] = x
    return y


def padded(x, before, after):
    """Zeros around a map; a negative number cuts off."""
    cut = slice(max(-before, 0), x.shape[1] - max(-after, 0))
    around = (max(before, 0), max(after, 0))
    return np.pad(x[:, cut, cut], ((0, 0), around, around, (0, 0)))


def continuous(x, source, target):
    """Zeros between samples, a filter, a leaky ReLU, a filter, every so many samples."""
    rate = 2 * max(source.rate, target.rate)
    up, down = rate // source.rate, rate // target.rate
    total = (target.side - 1) * down + 1 - x.shape[1] * up + TAPS * (up + down) - 2
    before = (total + up) // 2
    y = padded(spread_out(x, up), before, total - before)
    y = stylegan2.leaky(filtered(y, up * taps_of(up, source, rate)))
    return filtered(y, taps_of(down, target, rate))[:, ::down, ::down]


def layer(params, x, w, source, target):
    """A modulated convolution of a map with zeros around it, and the activation of its signal."""
    x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    y = stylegan2.modulated(x, params['kernel'], stylegan2.dense(params['style'], w))
    return continuous(y + params['bias'], source, target)


def waves(params, w, shift, band, frequencies, phases):
    """The input, sample by sample."""
    n, side = len(w), band.side
    c, s, right, down = (w @ params['kernel'] / w.shape[1] ** 0.5 + params['bias']).T
    length = np.hypot(c, s)
    x = np.zeros((n, side, side, band.channels))
    for k in range(n):
        turn = np.array([[c[k], -s[k]], [s[k], c[k]]]) / length[k]
        t = np.array([right[k], down[k]]) / length[k] + shift[k]
        for i in range(side):
            for j in range(side):
                place = (np.array([j, i]) + 0.5 - side / 2) / band.rate
                x[k, i, j] = np.sin(2 * np.pi * (frequencies @ turn @ (place - t) + phases))
    return x @ params['dense']['kernel'] / band.channels**0.5


def numbers(shapes, dtype=np.float64):
    """Values of a network's variables: N(0, 1), and mean squares between ½ and 2."""
    rng = np.random.default_rng(1)

    def draw(path, x):
        if path[-1].key.startswith('magnitude'):
            return np.asarray(rng.uniform(0.5, 2), dtype)
        return np.asarray(rng.standard_normal(x.shape), dtype)

    return jax.tree_util.tree_map_with_path(draw, shapes)
