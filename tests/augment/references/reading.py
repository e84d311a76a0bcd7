"""The draws of a reference, and its loop over a batch."""

import numpy as np

from gan_jax.augment import draws


def uniform(key, images, count):
    return np.asarray(draws.uniform(key, images.astype(np.float32), count), float)


def signed(key, images, count):
    return 2 * uniform(key, images, count) - 1


def each(change, images, *amounts):
    """Images [B, H, W, C] changed one by one, each by its own amounts."""
    return np.stack([change(*one) for one in zip(images, *amounts, strict=True)])
