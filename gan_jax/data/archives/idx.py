"""MNIST and the sets that share its format, IDX.

A file is 0, 0, the type of its numbers (8: unsigned bytes), the number of axes, the length of each
axis as four bytes with the highest first, and the numbers.
"""

import gzip
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from gan_jax.data.archives.binary import rows, unpacked
from gan_jax.data.damage import reading
from gan_jax.data.pieces import Piece
from gan_jax.data.resize import Size
from gan_jax.runtime.errors import DATA, UserError

LARGEST_SIDE = 4096


def read_mnist(paths: Mapping[str, Path], size: Size | None) -> Iterator[Piece]:
    """MNIST, Fashion-MNIST, KMNIST: uint8 [n, 28, 28, 1] and labels 0-9 of train and test."""
    for name, path in paths.items():
        split = 'train' if name.startswith('train') else 'test'
        with reading(path) as file, unpacked(file) as content:
            yield from _pieces(content, split, str(path))


def read_emnist(paths: Mapping[str, Path], size: Size | None) -> Iterator[Piece]:
    """The 'balanced' part of EMNIST: uint8 [n, 28, 28, 1] and labels 0-46 of train and test.

    Its images are stored column by column; here they are upright.
    """
    (path,) = paths.values()
    with reading(path) as file, zipfile.ZipFile(file) as archive:
        for split, kind in [(s, k) for s in ('train', 'test') for k in ('images', 'labels')]:
            name = f'gzip/emnist-balanced-{split}-{kind}-idx{3 if kind == "images" else 1}-ubyte.gz'
            if name not in archive.namelist():
                raise UserError(f'{path} holds no {name}: it must be the gzip.zip of EMNIST', DATA)
            with archive.open(name) as inner, gzip.open(inner) as content:
                for piece in _pieces(content, split, f'{name} of {path}'):
                    images = piece.kind == 'images'
                    yield piece._replace(array=piece.array.swapaxes(1, 2)) if images else piece


def _pieces(file: BinaryIO, split: str, name: str) -> Iterator[Piece]:
    head = file.read(4)
    axes = head[3] if len(head) == 4 else 0
    sides = file.read(4 * axes) if axes in (1, 3) else b''
    if head[:3] != b'\0\0\x08' or not sides or len(sides) != 4 * axes:
        raise UserError(f'{name} is no IDX file of images or labels: get it again', DATA)
    shape = np.frombuffer(sides, '>u4').tolist()
    if not all(1 <= side <= LARGEST_SIDE for side in shape[1:]):
        raise UserError(f'{name} declares images of {shape[1:]} pixels: get it again', DATA)
    found = 0
    for block in rows(file, int(np.prod(shape[1:])), name):
        found += len(block)
        if axes == 3:
            yield Piece(split, 'images', block.reshape(-1, *shape[1:], 1))
        else:
            yield Piece(split, 'labels', block[:, 0])
    if found != shape[0]:
        raise UserError(f'{name} declares {shape[0]} entries and holds {found}: get it again', DATA)
