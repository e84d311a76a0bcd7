"""A .npy file that is written piece by piece."""

import hashlib
import os
from typing import BinaryIO

import numpy as np


class GrowingArray:
    """Writes a .npy file piece by piece, for arrays larger than memory.

    Its header is written again at the end: NumPy leaves room in it for the first axis to grow.
    """

    def __init__(self, file: BinaryIO):
        """`file` is empty and open for writing; the caller closes it."""
        self._file = file
        self._digest = hashlib.sha256()
        self._like: np.ndarray | None = None
        self.count = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.count, *self._like.shape[1:])

    def append(self, array: np.ndarray) -> None:
        """Adds [n, ...] along the first axis; dtype and the other axes are always the same."""
        array = np.ascontiguousarray(array)
        if self._like is None:
            self._like = array[:0]
            self._header()
        if array.shape[1:] != self._like.shape[1:]:
            raise ValueError(f'{array.shape[1:]} after {self._like.shape[1:]} in one array')
        self._file.write(array)
        self._digest.update(array)
        self.count += len(array)

    def finish(self) -> str:
        """Completes the file and returns the SHA-256, in hex, of its numbers."""
        self._file.seek(0)
        self._header()
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._digest.hexdigest()

    def _header(self) -> None:
        descr = np.lib.format.dtype_to_descr(self._like.dtype)
        head = {'descr': descr, 'fortran_order': False, 'shape': self.shape}
        np.lib.format.write_array_header_1_0(self._file, head)
