"""The contents of a copy: one split in memory, or all splits piece by piece for `prepare`.

The images are compressed one by one, and decoding them takes a while (60,000 of CIFAR-10's size
about 20 seconds) each time that a program starts: `python -m gan_jax.prepare` does it once.
"""

import shlex
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from gan_jax.data.dataset import MEMORY, DataSet
from gan_jax.data.pieces import Content, Piece, chunk, collected
from gan_jax.data.resize import Size, pair
from gan_jax.data.tfds.copies import find, splits
from gan_jax.data.tfds.records import Copy, records
from gan_jax.runtime.errors import DATA, UserError


def read_copy(data_dir: Path, name: str, split: str) -> DataSet | None:
    """A whole split of a copy, in memory, or None if there is no copy of that name.

    Args:
        data_dir, name, split: as for `find`.

    Returns:
        A `DataSet` in the order of `records`; its labels are None where the copy has none or marks
        them all as unknown (-1).

    Raises:
        UserError: as `find`; a file is damaged; images that are not of one size or are to be
            cropped, or more than `dataset.MEMORY` bytes of images. `prepare` can read these.
    """
    copy = find(data_dir, name, split)
    if copy is None:
        return None
    height, width, channels = copy.shape
    cropped = copy.crop is not None
    if None in copy.shape or cropped or copy.count * height * width * channels > MEMORY:
        raise UserError(
            f'the copy in {copy.folder} holds images that are not of one size, to be cropped, or '
            f'too many to decode into memory: run `python -m gan_jax.prepare --dataset={name} '
            f'{shlex.quote(f"--source={copy.folder}")} --size=N` once',
            DATA,
        )
    pieces = _pieces(split, copy)
    return collected(pieces, split, copy.num_classes, name, copy.class_names)


def open_copy(path: Path, size: Size | None, name: str) -> tuple[Content, tuple[int, int, int]]:
    """The content of all splits of a copy, and [H, W, C] of the images.

    Args:
        path: the folder of one version, or the data folder of tensorflow-datasets.
        size: as for `records`; needed if the images are not of one size.
        name: of the data set, as for `find`.

    Raises:
        UserError: as `find`; a size is needed; or, from the pieces, a file is damaged or some
            images of a split have a label and some have none.
    """
    copies = {split: find(path, name, split) for split in splits(path, name)}
    if not copies:
        raise UserError(f'{path} holds no images: copy it again', DATA)
    first = next(iter(copies.values()))
    shape = first.shape if size is None else (*pair(size), first.shape[2])
    if None in shape:
        raise UserError(f"the images of '{name}' are not of one size: give --size=64, say")
    count = sum(copy.count for copy in copies.values())
    pieces = (piece for split, copy in copies.items() for piece in _pieces(split, copy, size))
    return Content(pieces, first.num_classes, count, class_names=first.class_names), shape


def _pieces(split: str, copy: Copy, size: Size | None = None) -> Iterator[Piece]:
    height, width, channels = copy.shape if size is None else (*pair(size), copy.shape[2])
    count = chunk(height * width * channels)
    rows, known = records(copy, size=size), set()
    while pairs := list(islice(rows, count)):
        images, labels = zip(*pairs, strict=True)
        yield Piece(split, 'images', np.stack(images))
        known |= {label is not None for label in labels}
        if len(known) > 1:
            raise UserError(f"some images of '{split}' in {copy.folder} have no label", DATA)
        if known == {True}:
            yield Piece(split, 'labels', np.array(labels))
