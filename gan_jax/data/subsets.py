"""A part of a data set, for training on limited data."""

import zlib

import numpy as np

from gan_jax.data.dataset import MEMORY, DataSet, as_seen, on_disk
from gan_jax.runtime.errors import UserError


def hold_out(dataset: DataSet, share: float) -> tuple[DataSet, DataSet]:
    """A data set without a share of its images, and these images, for a split test of its own.

    They are drawn by a fixed seed, which no other draw of images depends on, about the same share
    of each class; each class keeps an image at least.

    Args:
        dataset: the whole.
        share: in (0, 0.5], of the images, as `share_of` counts them.

    Raises:
        UserError: there are fewer than two images of a class, or they do not fit in memory.
    """
    if on_disk(dataset) or on_disk(as_seen(dataset)):
        raise UserError(
            f"'{dataset.name}' is too large for config.data.held_out, which copies it in memory: "
            'prepare it with folders train and test, or set held_out to 0'
        )
    count, labels = len(dataset.images), _classes(dataset)
    place = np.empty(count)  # of an image in its class, in (0, 1) but for the first, which stays
    for c in np.unique(labels):
        members = np.flatnonzero(labels == c)
        raw = _raw('held out', 0, c, len(members))
        order = np.argsort(raw, kind='stable')
        place[members[order]] = (np.arange(len(members)) + raw[order] / 2**64) / len(members)
        place[members[order[0]]] = 0
    last = np.argsort(place, kind='stable')[count - share_of(count, share) :]
    held = np.sort(last[place[last] > 0]).astype(np.int32)
    if not len(held):
        raise UserError(
            f"'{dataset.name}' has {count} images and no class with two: config.data.held_out can "
            'take none, set it to 0'
        )
    kept = np.setdiff1d(np.arange(count, dtype=np.int32), held)
    return at(dataset, kept), at(dataset, held)


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
    labels = _classes(dataset)
    chosen = [_draw(np.flatnonzero(labels == c), fraction, seed, c) for c in np.unique(labels)]
    indices = np.sort(np.concatenate(chosen)).astype(np.int32)
    stored = [one for one in (dataset, as_seen(dataset)) if on_disk(one)]
    need = max((one.images[:1].nbytes * len(indices) for one in stored), default=0)
    if need > MEMORY:
        raise UserError(
            f"fraction {fraction} of '{dataset.name}' is {need / 1e9:.1f} GB, more than is held in "
            'memory: take a smaller one, all (1.0), or prepare smaller images by --size'
        )
    return at(dataset, indices), indices


def at(dataset: DataSet, indices: np.ndarray) -> DataSet:
    """The images at these indices, with all that belongs to them."""
    part = None if dataset.labels is None else dataset.labels[indices]
    codes = dataset.codes and dataset.codes._replace(array=dataset.codes.array[indices])
    vectors = dataset.vectors and dataset.vectors._replace(rows=dataset.vectors.rows[indices])
    images = dataset.images[indices]
    return dataset._replace(images=images, labels=part, codes=codes, vectors=vectors)


def share_of(count: int, share: float) -> int:
    """The number of images in a share of `count`: the nearest, halves up, and at least one."""
    return max(1, int(share * count + 0.5))


def _classes(dataset: DataSet) -> np.ndarray:
    """int32 [N]: the classes; images without classes, such as with label vectors, are of one."""
    if dataset.labels is None:
        return np.zeros(len(dataset.images), np.int32)
    return dataset.labels


def _draw(members: np.ndarray, fraction: float, seed: int, label: int) -> np.ndarray:
    """The first members of a shuffled class."""
    order = np.argsort(_raw('subset', seed, label, len(members)), kind='stable')
    return members[order[: share_of(len(members), fraction)]]


def _raw(purpose: str, seed: int, label: int, count: int) -> np.ndarray:
    """Raw Philox numbers, uint64 [count], which no version of NumPy changes."""
    key = [zlib.crc32(purpose.encode()), (seed << 32) + int(label)]
    return np.random.Philox(key=key).random_raw(count)
