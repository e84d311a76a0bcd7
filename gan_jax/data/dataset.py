"""The type of a data set, and the digest by which two data sets are compared."""

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np

MEMORY = 2_000_000_000  # bytes of images: more stay on the disk
SAMPLED = 1024  # images of a data set on the disk that go into its digest


class DataSet(NamedTuple):
    """Images in memory, or on the disk where they are too many.

    Attributes:
        images: uint8 [N, H, W, C]; a read-only `numpy.memmap` where they stay on the disk.
        labels: int32 [N] in [0, num_classes), or None where the source has no labels.
        num_classes: how many classes there are; 0 without labels.
        name: what `load` was asked for.
        class_names: one for each class, or None where the source names none.
    """

    images: np.ndarray
    labels: np.ndarray | None
    num_classes: int
    name: str
    class_names: tuple[str, ...] | None = None


class Training(NamedTuple):
    """The images of a run, for a distribution of latents that is made of them.

    Attributes:
        dataset: the images that the run trains on.
        data_dir: the folder for what is kept of them, see `data.folder_of`.
        allow: packages whose code the config may name, as in `load.resolve`.
    """

    dataset: DataSet
    data_dir: str | Path | None = None
    allow: Collection[str] | None = None


def is_outline(dataset: DataSet) -> bool:
    """True if the images are one blank image over and over, as `data.outline` makes them."""
    return dataset.images.strides[0] == 0


def on_disk(dataset: DataSet) -> bool:
    """True if the images are read from the disk when they are used."""
    return isinstance(dataset.images, np.memmap)


def labels_of(dataset: DataSet) -> np.ndarray:
    """int32 [N]: the labels; images without labels are all of class 0."""
    if dataset.labels is None:
        return np.zeros(len(dataset.images), np.int32)
    return dataset.labels


def evenly_spaced(images: np.ndarray, count: int) -> np.ndarray:
    """That many of the images [N, H, W, C], 0 < count <= N, evenly spaced from the first on."""
    return images[np.arange(count) * len(images) // count]


def digest(dataset: DataSet) -> str:
    """SHA-256, in hex, of the shape, pixels and labels of a data set; names are left out.

    A checkpoint stores it, so that a run is never resumed on other data of the same name. Images on
    the disk would take minutes to read at every start: of them the digest covers `SAMPLED`, evenly
    spaced, beside the shape and all labels.
    """
    images = dataset.images
    content = hashlib.sha256(repr(images.shape).encode())
    if on_disk(dataset):
        images = evenly_spaced(images, min(SAMPLED, len(images)))
    content.update(np.ascontiguousarray(images))
    if dataset.labels is not None:
        # A fixed byte order, so that the digest does not depend on the machine.
        content.update(b'labels' + dataset.labels.astype('<i4').tobytes())
    return content.hexdigest()
