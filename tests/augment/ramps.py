"""Images from whose augmented copies the draws can be read, and the laws that these should follow.

A batch carries ramps of the row and the column beside a texture: they tell which window of the
image was taken, without knowing how it was drawn.
"""

import numpy as np
from scipy import stats

LIKELY = 1e-3  # the draws are fixed by the key: a law that holds passes for good


def texture(*shape):
    return np.random.default_rng(5).uniform(size=shape)


def with_ramps(batch, height, width):
    """[batch, height, width, 3]: row / height, column / width, and a texture."""
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing='ij')
    ramps = np.stack([rows / height, columns / width], axis=2)
    ramps = np.broadcast_to(ramps, (batch, height, width, 2))
    return np.concatenate([ramps, texture(batch, height, width, 1)], axis=3)


def windows(ramp):
    """Start and extent, [B] in units of the side, of windows whose ramp [B, size] is given.

    The samples lie at start + (i + 1/2) extent - 1/2; two in the middle, away from the borders.
    """
    size = ramp.shape[1]
    low, high = size // 2 - 1, size // 2
    extent = (ramp[:, high] - ramp[:, low]) * size
    start = ramp[:, low] + 0.5 / size - (low + 0.5) * extent / size
    return start, extent


def drawn(out):
    """(top, height), (left, width) of the window of each image, in units of the sides."""
    middle = out.shape[2] // 2
    return windows(out[:, :, middle, 0]), windows(out[:, out.shape[1] // 2, :, 1])


def is_uniform(draws, low, high):
    assert low <= draws.min() and draws.max() <= high
    return stats.kstest(draws, stats.uniform(low, high - low).cdf).pvalue > LIKELY


def is_even(counts):
    """True if all results are equally likely."""
    return stats.chisquare(counts).pvalue > LIKELY
