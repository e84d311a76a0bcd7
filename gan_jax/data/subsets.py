"""A part of a data set, for training on limited data."""

import zlib

import numpy as np

from gan_jax.data.dataset import MEMORY, DataSet, as_seen, on_disk
from gan_jax.runtime.errors import UserError


def subset(dataset: DataSet, fraction: float, seed: int) -> tuple[DataSet, np.ndarray]:
    """The same fraction of every class, drawn by a seed.

    Of a class of n images round(fraction · n) are taken, at least one. With the same seed a smaller
    fraction is part of a larger one. Without labels all images are one class.

    Args:
        dataset: the whole; the images of the part are copied into memory.
        fraction: in (0, 1]; 1 gives the data set itself.
        seed: >= 0; subsets of different seeds are independent.

    Returns:
        The part, in the order of the whole, and the indices of its images, int32, ascending.

    Raises:
        UserError: fraction or seed out of its range, or a part that does not fit in memory.
    """
    if not 0 < fraction <= 1:
        raise UserError(f'fraction must be above 0 and at most 1, got {fraction}')
    if not 0 <= seed < 2**31:
        raise UserError(f'the seed of a subset must be from 0 to 2147483647, got {seed}')
    count = len(dataset.images)
    if fraction == 1:
        return dataset, np.arange(count, dtype=np.int32)
    labels = np.zeros(count, np.int32) if dataset.labels is None else dataset.labels
    chosen = [_draw(np.flatnonzero(labels == c), fraction, seed, c) for c in np.unique(labels)]
    indices = np.sort(np.concatenate(chosen)).astype(np.int32)
    stored = [one for one in (dataset, as_seen(dataset)) if on_disk(one)]
    need = max((one.images[:1].nbytes * len(indices) for one in stored), default=0)
    if need > MEMORY:
        raise UserError(
            f"fraction {fraction} of '{dataset.name}' is {need / 1e9:.1f} GB, more than is held in "
            'memory: take a smaller one, all (1.0), or prepare smaller images by --size'
        )
    part = None if dataset.labels is None else dataset.labels[indices]
    codes = dataset.codes and dataset.codes._replace(array=dataset.codes.array[indices])
    vectors = dataset.vectors and dataset.vectors._replace(rows=dataset.vectors.rows[indices])
    images = dataset.images[indices]
    part = dataset._replace(images=images, labels=part, codes=codes, vectors=vectors)
    return part, indices


def _draw(members: np.ndarray, fraction: float, seed: int, label: int) -> np.ndarray:
    """The first members of a shuffled class. It sorts raw Philox numbers, as the sampler does."""
    key = [zlib.crc32(b'subset'), (seed << 32) + int(label)]
    order = np.argsort(np.random.Philox(key=key).random_raw(len(members)), kind='stable')
    return members[order[: max(1, int(fraction * len(members) + 0.5))]]
