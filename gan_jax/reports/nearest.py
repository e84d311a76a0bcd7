"""The training images nearest to samples, pixel by pixel: has the generator copied?"""

from typing import NamedTuple

import numpy as np

from gan_jax.data.dataset import spaced
from gan_jax.evaluate import neighbours

SAMPLES = 12  # of a picture, the first ones
NEIGHBOURS = 3  # of each
SIDE = 64  # pixels of a side that are compared; larger images are averaged first
LARGEST = 600_000_000  # bytes of training images: the distances to more take minutes


class Nearest(NamedTuple):
    """Samples and their nearest training images.

    Attributes:
        images: uint8 [1 + K, S, H, W, C]: S samples, then the nearest of each, the next, ...
        distances: [S] to the nearest: root mean square over pixels, in levels from 0 to 255.
        between_real: [S] as many training images to the nearest other one.
    """

    images: np.ndarray
    distances: np.ndarray
    between_real: np.ndarray


def nearest_images(samples: np.ndarray, training: np.ndarray) -> Nearest:
    """The nearest training images of the first samples, by Euclidean distance of pixels.

    Args:
        samples: uint8 [N, H, W, C].
        training: uint8 [M, H, W, C], more than K.
    """
    samples = samples[:SAMPLES]
    small, known = reduced(samples), reduced(training)
    index, squared = nearest_rows(small, known, NEIGHBOURS)
    # A training image is its own nearest one: the next is another.
    _, among = nearest_rows(known[spaced(len(known), min(SAMPLES, len(known)))], known, 2)
    images = np.stack([samples, *(training[row] for row in index.T)])
    pixels = small.shape[1]
    return Nearest(images, np.sqrt(squared[:, 0] / pixels), np.sqrt(among[:, 1] / pixels))


def fault(samples: np.ndarray, training: np.ndarray) -> str:
    """A sentence on why there are no nearest images; '' if they can be found."""
    if training.nbytes > LARGEST:
        return (
            f'The {len(training):,} training images are {training.nbytes / 1e9:.1f} GB, more than '
            f'the {LARGEST / 1e9:.1f} GB among which neighbours are looked for.'
        )
    if samples.shape[1:] != training.shape[1:]:
        return 'The samples have another shape than the training images.'
    if len(training) <= NEIGHBOURS:
        return 'There are too few training images.'
    return ''


def reduced(images: np.ndarray) -> np.ndarray:
    """Images as they are compared, [N, F], uint8 or float32.

    They are the pixels, or the means of squares of them where a side has more than `SIDE`.

    Args:
        images: uint8 [N, H, W, C].
    """
    count, height, _, channels = images.shape
    factor = max(1, height // SIDE)
    if factor == 1:
        return images.reshape(count, -1)
    side = height // factor
    cut = images[:, : side * factor, : side * factor]
    cells = cut.reshape(count, side, factor, side, factor, channels)
    return cells.mean(axis=(2, 4), dtype=np.float32).reshape(count, -1)


def nearest_rows(x: np.ndarray, y: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(indices of the k nearest rows of y, [N, k], ascending; their squared distances).

    Args:
        x: [N, F].
        y: [M, F].
        k: at most M.
    """
    best = np.full((len(x), k), np.inf)
    index = np.zeros((len(x), k), int)
    for i, j, squared in neighbours.distances(x, y, neighbours.middle(y), lambda: None):
        both = np.concatenate([best[i], squared], axis=1)
        names = np.concatenate(
            [index[i], np.broadcast_to(np.arange(j.start, j.stop), squared.shape)], axis=1
        )
        kept = np.argsort(both, axis=1, kind='stable')[:, :k]
        best[i] = np.take_along_axis(both, kept, axis=1)
        index[i] = np.take_along_axis(names, kept, axis=1)
    return index, best
