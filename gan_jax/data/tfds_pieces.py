"""A copy of tensorflow-datasets as a source of `prepare`: every split of it, piece by piece."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from gan_jax.data.pieces import Content, Piece
from gan_jax.data.tfds_copies import Copy, find, records, splits
from gan_jax.errors import DATA, UserError

CHUNK = 256  # images of a piece


def open_copy(path: Path, size: int | None, name: str) -> tuple[Content, tuple[int, int, int]]:
    """What the copy holds, and [H, W, C] of its images.

    Args:
        path: the folder of one version, or the one that tensorflow-datasets was given.
        size: as in `records`; needed where the images have several sizes.
        name: of the data set, as for `tfds_copies.read`.

    Raises:
        UserError: as `find`; images of several sizes and no size; or, from the pieces, a file is
            damaged or some images of a split have a label and some have none.
    """
    copies = {split: find(path, name, split) for split in splits(path, name)}
    if not copies:
        raise UserError(f"{path} holds no copy of '{name}' that this project reads", DATA)
    first = next(iter(copies.values()))
    shape = first.shape if size is None else (size, size, first.shape[2])
    if None in shape:
        raise UserError(f"the images of '{name}' come in many sizes: give --size=64, say")
    count = sum(copy.count for copy in copies.values())
    return Content(_pieces(path, name, size, copies), first.num_classes, count), shape


def _pieces(path: Path, name: str, size: int | None, copies: dict[str, Copy]) -> Iterator[Piece]:
    for split, copy in copies.items():
        rows, known = records(path, name, split, size=size), set()
        while chunk := list(islice(rows, CHUNK)):
            images, labels = zip(*chunk, strict=True)
            yield Piece(split, 'images', np.stack(images))
            known |= {label is not None for label in labels}
            if len(known) > 1:
                raise UserError(f"some images of '{split}' in {copy.folder} have no label", DATA)
            if known == {True}:
                yield Piece(split, 'labels', np.array(labels))
