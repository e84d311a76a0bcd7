"""The type of a data set, and the digest by which two data sets are compared."""

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gan_jax.data import classes
from gan_jax.runtime.digest import json_digest
from gan_jax.runtime.errors import DATA, UserError

MEMORY = 2_000_000_000  # bytes of images: more stay on the disk
SAMPLED = 1024  # images of a data set on the disk that go into its digest


class Codes(NamedTuple):
    """The images of a data set as an autoencoder encodes them, which the networks see instead.

    Attributes:
        array: float16 [N, h, w, c], around [0, 1] and unbounded: over the train split each channel
            has the mean 1/2 and the standard deviation 1/4; or uint8, where 255 is 1.
        offset, scale: for each channel: where the networks see x, the autoencoder's own number is
            offset + scale · x.
        autoencoder: path of its function.
        variables: SHA-256, in hex, of its weights.
        source_sha256: of the file of its function.
    """

    array: np.ndarray
    offset: tuple[float, ...]
    scale: tuple[float, ...]
    autoencoder: str
    variables: str
    source_sha256: str


class LabelVectors(NamedTuple):
    """Labels that are vectors: attributes that an image has or not, angles, positions.

    Attributes:
        table: the distinct vectors, float32 [R, K], sorted.
        rows: the row of each image's, int32 [N].
    """

    table: np.ndarray
    rows: np.ndarray


class DataSet(NamedTuple):
    """Images in memory, or on the disk where they are too many.

    Attributes:
        images: uint8 [N, H, W, C]; a read-only `numpy.memmap` where they stay on the disk.
        labels: int32 [N] in [0, num_classes), or None where the source has no labels.
        num_classes: how many classes there are; 0 without labels.
        name: what `load` was asked for.
        class_names: one for each class, or None where the source names none.
        codes: of the images, in their order; None where the networks see the images themselves.
        vectors: the labels where they are vectors; `labels` is None then.
    """

    images: np.ndarray
    labels: np.ndarray | None
    num_classes: int
    name: str
    class_names: tuple[str, ...] | None = None
    codes: Codes | None = None
    vectors: LabelVectors | None = None


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


def as_seen(dataset: DataSet) -> DataSet:
    """The data set as the networks see it, with the codes, if there are any, for its images."""
    if dataset.codes is None:
        return dataset
    return dataset._replace(images=dataset.codes.array, codes=None)


def codes_record(dataset: DataSet) -> dict[str, Any] | None:
    """All that the codes of a data set are decoded by, as JSON; None if it has none.

    Returns:
        {'image': [H, W, C], 'code': [h, w, c]}, and the other fields of `Codes` by name.
    """
    if dataset.codes is None:
        return None
    array, *rest = dataset.codes
    shapes = {'image': list(dataset.images.shape[1:]), 'code': list(array.shape[1:])}
    return shapes | dict(zip(Codes._fields[1:], rest, strict=True))


def is_outline(dataset: DataSet) -> bool:
    """True if the images are one blank image over and over, as `data.outline` makes them."""
    return dataset.images.strides[0] == 0


def on_disk(dataset: DataSet) -> bool:
    """True if the images are read from the disk when they are used."""
    return isinstance(dataset.images, np.memmap)


def labels_of(dataset: DataSet) -> np.ndarray:
    """int32 [N]: the labels, or the rows of label vectors; without either all are of class 0."""
    if dataset.vectors is not None:
        return dataset.vectors.rows
    if dataset.labels is None:
        return np.zeros(len(dataset.images), np.int32)
    return dataset.labels


def label_size(dataset: DataSet) -> int:
    """The numbers of a label vector; 0 where labels are no vectors."""
    return 0 if dataset.vectors is None else dataset.vectors.table.shape[1]


def label_words(dataset: DataSet) -> str:
    """The labels in words: '10 classes (...)', 'label vectors of 40 numbers' or 'no labels'."""
    count = 0 if dataset.labels is None else dataset.num_classes
    return classes.described(dataset.class_names, count, label_size(dataset))


def label_vectors(labels: np.ndarray) -> LabelVectors:
    """The distinct ones of label vectors [N, K], of any real type, and the row of each image's.

    Raises:
        UserError: there are more different ones than there may be classes.
    """
    numbers = labels.astype(np.float32) + np.float32(0)  # no -0
    table, rows = np.unique(numbers, axis=0, return_inverse=True)
    if len(table) > classes.MOST:
        raise UserError(
            f'the label vectors are {len(table):,} different ones, and {classes.MOST:,} are the '
            'most: round them, or take fewer images',
            DATA,
        )
    return LabelVectors(table, rows.reshape(-1).astype(np.int32))


def spaced(size: int, count: int) -> np.ndarray:
    """The indices of `count` of `size` images, 0 < count <= size, evenly spaced from 0 on."""
    return np.arange(count) * size // count


def evenly_spaced(images: np.ndarray, count: int) -> np.ndarray:
    """That many of the images [N, H, W, C], 0 < count <= N, evenly spaced from the first on."""
    return images[spaced(len(images), count)]


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
    if dataset.vectors is not None:
        table, rows = dataset.vectors
        content.update(f'vectors{table.shape}'.encode() + table.astype('<f4').tobytes())
        content.update(rows.astype('<i4').tobytes())
    return content.hexdigest()


def training_digest(dataset: DataSet) -> str:
    """SHA-256, in hex, of all that a run is trained on: images, labels, codes and their record.

    Without codes it is `digest`.
    """
    if dataset.codes is None:
        return digest(dataset)
    return json_digest([digest(dataset), digest(as_seen(dataset)), codes_record(dataset)])
