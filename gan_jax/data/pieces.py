"""Data sets on their way from a source to the disk or to memory, piece by piece."""

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from gan_jax.data.dataset import DataSet, label_vectors
from gan_jax.data.resize import Size, fitted, pair
from gan_jax.runtime.errors import MISSING, UserError
from gan_jax.runtime.nearest import nearest

BLOCK = 1 << 24  # bytes that are read at once
CHUNK = 256  # images of a piece that are decoded one by one
DECODED = 1 << 26  # bytes of such a piece, which holds fewer large images


class Piece(NamedTuple):
    """The next images, or the next labels, of one split.

    Attributes:
        split: 'train', 'test', ...
        kind: 'images' or 'labels'; each in order, and the two may alternate in any way.
        array: uint8 [n, H, W, C]; or integers [n] in [0, number of classes), or label vectors [n,
            K], float32.
    """

    split: str
    kind: str
    array: np.ndarray


class Content(NamedTuple):
    """The content of a source, before it is read.

    Attributes:
        pieces: all its images and labels.
        num_classes: the number of classes; 0 without labels.
        count: images in all splits; None if that is known only at the end.
        notes: sentences for the user.
        class_names: one for each class, or None where the source names none.
        left_out: a sentence for each image that was refused and left out; complete at the end of
            the pieces.
    """

    pieces: Iterator[Piece]
    num_classes: int
    count: int | None = None
    notes: tuple[str, ...] = ()
    class_names: tuple[str, ...] | None = None
    left_out: Sequence[str] = ()


def chunk(size: int) -> int:
    """The number of images in a piece, if they are decoded one by one, `size` bytes each."""
    return max(1, min(CHUNK, DECODED // size))


def resized(pieces: Iterable[Piece], size: Size | None) -> Iterator[Piece]:
    """The same images `fitted` to a size; a resized piece has about `DECODED` bytes at most.

    With None the pieces stay as they are.
    """
    for piece in pieces:
        if size is None or piece.kind == 'labels' or piece.array.shape[1:3] == pair(size):
            yield piece
            continue
        count = max(1, DECODED // (math.prod(pair(size)) * piece.array.shape[3]))
        for first in range(0, len(piece.array), count):
            yield piece._replace(array=fitted(piece.array[first : first + count], size))


def collected(
    pieces: Iterable[Piece],
    split: str,
    num_classes: int,
    name: str,
    class_names: tuple[str, ...] | None = None,
) -> DataSet:
    """One split of the pieces, in memory.

    Raises:
        UserError: there is no such split.
    """
    images, labels, known = [], [], set()
    for piece in pieces:
        known.add(piece.split)
        if piece.split == split:
            (images if piece.kind == 'images' else labels).append(piece.array)
    if split not in known:
        raise no_split(name, split, known)
    found = np.concatenate(labels) if labels else None
    if found is None or found.ndim == 2:
        vectors = None if found is None else label_vectors(found)
        return DataSet(_joined(images), None, 0, name, vectors=vectors)
    return DataSet(_joined(images), found.astype(np.int32), num_classes, name, class_names)


def no_split(name: object, split: str, known: Collection[str]) -> UserError:
    """The error for a split that a data set does not have; `known` are the splits it has."""
    return UserError(f"'{name}' has no split '{split}'{nearest(split, known)}", MISSING)


def _joined(arrays: list[np.ndarray]) -> np.ndarray:
    """The arrays as one. The list is emptied on the way, so that nothing is twice in memory."""
    joined = np.empty((sum(map(len, arrays)), *arrays[0].shape[1:]), arrays[0].dtype)
    first = 0
    while arrays:
        array = arrays.pop(0)
        joined[first : first + len(array)] = array
        first += len(array)
    return joined
