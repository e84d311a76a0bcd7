"""Tensors of a PyTorch weight file, read without torch and without running code of the file.

Both containers are read: the zip archive of torch >= 1.6 and the older chain of pickles. What they
hold is a program, which `state_dict_pickle` interprets.
"""

import functools
import io
import math
import mmap
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gan_jax.evaluate.state_dict_pickle import Refused, Storage, Tensor, named_values, run_program
from gan_jax.runtime.errors import DATA, MISSING, UserError

OLD = bytes.fromhex('80028a0a6cfc9c46f9206aa850192e')  # the beginning of an old file


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a state dict saved by `torch.save`, by their names; do not write to them.

    Args:
        path: of a file that holds a flat mapping from names to tensors of plain numbers; other
            values (numbers, texts) are left out. Or of a TorchScript archive, whose modules' names
            are joined by dots, as in their state dict.

    Raises:
        UserError: no such file (66), or it holds something else, is cut short or would run code
            (65).
    """
    try:
        with Path(path).open('rb') as file:
            return _read(file)
    except OSError as error:
        raise UserError(f'cannot read {path}: {error.strerror}', MISSING) from error
    except Refused as error:
        raise UserError(
            f'{path} is not read: {error}; give a file of tensors by their names alone, as '
            'torch.save(model.state_dict(), PATH) writes it',
            DATA,
        ) from error


def taken(
    tensors: Mapping[str, np.ndarray], path: Path, name: str, shape: tuple[int, ...]
) -> np.ndarray:
    """A tensor of a file as float32, of the shape that a network has there.

    Args:
        tensors: from `read_tensors`.
        path: of the file, for the error.
        name: of the tensor.
        shape: of the tensor.

    Raises:
        UserError: there is none, or it has another shape (65).
    """
    if name not in tensors or tensors[name].shape != shape:
        found = f'is {list(tensors[name].shape)}' if name in tensors else 'is not there'
        raise UserError(f"{path}: '{name}' {found}, and has to be {list(shape)}", DATA)
    return np.ascontiguousarray(tensors[name], np.float32)


Contents = tuple[list[tuple[str, Tensor]], Callable[[Storage], bytes]]


def _read(file: BinaryIO) -> dict[str, np.ndarray]:
    try:
        tensors, data_of = _zipped(file) if zipfile.is_zipfile(file) else _legacy(file)
        return {name: _array(tensor, data_of(tensor.storage)) for name, tensor in tensors}
    except Refused:
        raise
    except Exception as error:  # damage may raise anything
        raise Refused('it is damaged or no PyTorch weight file') from error


def _zipped(file: BinaryIO) -> Contents:
    archive = zipfile.ZipFile(file)
    members = {info.filename: info for info in archive.infolist()}
    [main] = [name for name in members if name.count('/') == 1 and name.endswith('/data.pkl')]
    root = main.removesuffix('data.pkl')
    if f'{root}byteorder' in members and _member(archive, members, f'{root}byteorder') != b'little':
        raise Refused('its numbers are in big-endian order')
    tensors = _tensors(run_program(io.BytesIO(_member(archive, members, main))))

    @functools.cache  # tensors of one storage share it
    def data_of(storage: Storage) -> bytes:
        return _member(archive, members, f'{root}data/{storage.key}')

    return tensors, data_of


def _member(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str) -> bytes:
    """A member that is not compressed: compressed ones can be far larger than the file."""
    if members[name].compress_type != zipfile.ZIP_STORED:
        raise Refused(f'its part {name} is compressed')
    return archive.read(name)


def _legacy(file: BinaryIO) -> Contents:
    # Mapped: a read of a false length in the file would take the memory for it.
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if mapped.read(len(OLD)) != OLD:
        raise ValueError
    run_program(mapped)  # the version of the format
    if run_program(mapped)['little_endian'] is not True:
        raise Refused('its numbers are in big-endian order')
    tensors = _tensors(run_program(mapped))
    storages = {tensor.storage.key: tensor.storage for _, tensor in tensors}
    data = {}
    for key in run_program(mapped):
        (count,) = struct.unpack('<q', mapped.read(8))
        if count != storages[key].count:
            raise ValueError
        data[key] = mapped.read(count * storages[key].dtype.itemsize)
    return tensors, lambda storage: data[storage.key]


def _tensors(state: Any) -> list[tuple[str, Tensor]]:
    if not isinstance(state, dict):
        raise Refused('it holds no mapping from names to tensors')
    found = [(name, value) for name, value in named_values(state) if isinstance(value, Tensor)]
    if not found:
        raise Refused('it holds no tensors by name')
    return found


def _array(tensor: Tensor, data: bytes) -> np.ndarray:
    storage, offset, shape, strides = tensor
    if len(data) != storage.count * storage.dtype.itemsize:
        raise ValueError
    if len(shape) != len(strides) or min((offset, *shape, *strides), default=0) < 0:
        raise ValueError
    count = math.prod(shape)
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    if count > storage.count or (count and last >= storage.count):
        raise ValueError
    flat = np.frombuffer(data, storage.dtype)
    if not count:
        return np.zeros(shape, storage.dtype)
    steps = [step * storage.dtype.itemsize for step in strides]
    return np.lib.stride_tricks.as_strided(flat[offset:], shape, steps)
