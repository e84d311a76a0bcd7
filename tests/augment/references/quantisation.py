"""Random quantisation, channel by channel and pixel by pixel."""

import itertools

import numpy as np

from tests.augment.references.reading import uniform


def random_quantisation(key, images, strength):
    batch, _, _, channels = images.shape
    draws = uniform(key, images, 15 * channels).reshape(15, channels, batch)
    out = images.copy()
    for b in range(batch):
        for c in range(channels):
            values = images[b, :, :, c]
            low, extent = values.min(), np.ptp(values)
            edges = [0, *sorted(draws[:7, c, b]), 1]
            for i, (left, right) in enumerate(itertools.pairwise(edges)):
                inside = values >= low + extent * left
                proxy = low + extent * (left + draws[7 + i, c, b] * (right - left))
                out[b, :, :, c][inside] = proxy  # later bins overwrite
    return images + strength * (out - images)
