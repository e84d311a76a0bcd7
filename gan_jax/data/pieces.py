"""How data sets too large for memory travel from an archive to the disk: piece by piece."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from gan_jax.data.resize import resize
from gan_jax.errors import DATA, UserError

BLOCK = 1 << 24  # bytes that are read at once


class Piece(NamedTuple):
    """The next images, or the next labels, of one split.

    Attributes:
        split: 'train', 'test', ...
        kind: 'images' or 'labels'; each comes in order, and the two may come in any turns.
        array: uint8 [n, H, W, C], or integers [n] in [0, number of classes).
    """

    split: str
    kind: str
    array: np.ndarray


class Content(NamedTuple):
    """What a source holds, before it is read.

    Attributes:
        pieces: every image and label of it.
        num_classes: how many classes the labels of it tell apart; 0 without labels.
        count: images in all splits; None when that is known only at the end.
        notes: a sentence for each thing that a user would want to know.
    """

    pieces: Iterator[Piece]
    num_classes: int
    count: int | None = None
    notes: tuple[str, ...] = ()


def rows(file: BinaryIO, width: int, name: str) -> Iterator[np.ndarray]:
    """The rest of a file as blocks of uint8 [n, width]; `name` is for the fault's sentence."""
    while content := file.read(max(1, BLOCK // width) * width):
        if len(content) % width:
            raise UserError(f'{name} ends in the middle of an image: get it again', DATA)
        yield np.frombuffer(content, np.uint8).reshape(-1, width)


def resized(pieces: Iterable[Piece], size: int | None) -> Iterator[Piece]:
    """The same pieces with images of that size; None leaves them as they are."""
    for piece in pieces:
        if size is None or piece.kind == 'labels':
            yield piece
        else:
            yield piece._replace(array=resize(piece.array, size))
