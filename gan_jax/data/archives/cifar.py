"""CIFAR-10 and CIFAR-100 from the binary archives, https://www.cs.toronto.edu/~kriz/cifar.html.

A record is the label, one byte (CIFAR-100: coarse, then fine), and 3,072 bytes of pixels: 32 rows
of 32 of red, then of green, then of blue.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from gan_jax.data.archives.binary import members, rows
from gan_jax.data.damage import reading
from gan_jax.data.pieces import Piece
from gan_jax.data.resize import Size
from gan_jax.runtime.errors import DATA, UserError

PIXELS = 3 * 32 * 32
TEN = {**{f'data_batch_{i}.bin': 'train' for i in range(1, 6)}, 'test_batch.bin': 'test'}
HUNDRED = {'train.bin': 'train', 'test.bin': 'test'}
LARGEST = 1 << 28  # bytes of one member; the real ones have 30,730,000 and 153,700,000


def read_cifar10(paths: Mapping[str, Path], size: Size | None) -> Iterator[Piece]:
    """Images uint8 [n, 32, 32, 3] and labels 0-9, in the order of the numbered batches."""
    return _read(paths['cifar-10-binary.tar.gz'], TEN, 1)


def read_cifar100(paths: Mapping[str, Path], size: Size | None) -> Iterator[Piece]:
    """Images uint8 [n, 32, 32, 3] and the fine labels 0-99."""
    return _read(paths['cifar-100-binary.tar.gz'], HUNDRED, 2)


def _read(path: Path, splits: Mapping[str, str], label_bytes: int) -> Iterator[Piece]:
    hint = 'the version "for C programs" of CIFAR, whose name ends in -binary.tar.gz'
    # The archive holds the batches in no order, and they are small: all are read, then sorted.
    with reading(path) as file:
        batches = {
            name: _records(member, label_bytes + PIXELS, f'{name} of {path}')
            for name, member in members(file, path, splits, hint)
        }
    for name, split in splits.items():
        pixels = batches[name][:, label_bytes:].reshape(-1, 3, 32, 32)
        yield Piece(split, 'images', pixels.transpose(0, 2, 3, 1))
        yield Piece(split, 'labels', batches[name][:, label_bytes - 1])


def _records(file, width: int, name: str) -> np.ndarray:
    found, count = [np.empty((0, width), np.uint8)], 0
    for block in rows(file, width, name):
        count += block.size
        if count > LARGEST:
            raise UserError(f'{name} is larger than any batch of CIFAR: get it again', DATA)
        found.append(block)
    return np.concatenate(found)
