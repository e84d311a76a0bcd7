"""A .npz file of arrays as a data set: `np.savez(path, images=..., labels=...)`.

The arrays are read as a stream, so that a file larger than memory can be prepared.
"""

import contextlib
import difflib
import math
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from gan_jax.data import classes
from gan_jax.data.damage import reading
from gan_jax.data.pictures import decode, depth
from gan_jax.data.pieces import BLOCK, Content, Piece
from gan_jax.data.resize import shown_size
from gan_jax.runtime.errors import DATA, MISSING, UserError
from gan_jax.runtime.paths import ends_with, shown

ALIKE = ('y', 'target', 'targets', 'class', 'classes')  # other names that labels have


def open_npz(path: Path) -> tuple[Content, tuple[int, int, int]]:
    """The content of a .npz, one split 'train', and [H, W, C] of its images as stored.

    Args:
        path: of a file with `images`, uint8 or uint16 [N, H, W, C] with C 1 or 3, and perhaps
            `labels`, integers [N] from 0 on or numbers [N, K], label vectors. uint16 is rounded to
            uint8, see `depth`.

    Raises:
        UserError: no such file, or it holds other arrays.
    """
    if not path.exists():
        raise UserError(f'{path} does not exist: check the path', MISSING)
    with reading(path) as file, zipfile.ZipFile(file) as archive:
        names = [n[:-4] for n in archive.namelist() if ends_with(n, '.npy')]
        if 'images' not in names:
            raise UserError(
                f"{path} holds no array 'images' but "
                f'{", ".join(map(shown, names)) or "nothing"}: save it by '
                'np.savez(path, images=..., labels=...)',
                DATA,
            )
        with array(archive, 'images', path) as (shape, dtype, _):
            _check(path, shape, dtype)
            deep = dtype.itemsize == 2
        others = [name for name in names if name not in ('images', 'labels')]
        if 'labels' not in names:
            _check_labels_are_not_called_otherwise(archive, others, path, shape[0])
        labels = _labels(archive, path, shape[0]) if 'labels' in names else None
    num_classes, notes = 0, (f'{path}: the images have {depth.NOTE}',) if deep else ()
    if labels is not None and labels.ndim == 1:
        num_classes = int(labels.max()) + 1
        notes += classes.empty_note(path, labels, num_classes)
    if others:
        notes += (f'{path}: {len(others)} other arrays are left out, such as {shown(others[0])}',)
    return Content(_pieces(path, labels), num_classes, shape[0], notes), shape[1:]


@contextlib.contextmanager
def array(archive: zipfile.ZipFile, name: str, path: Path) -> Iterator[tuple]:
    """(shape, dtype, file at its first number) of one array of an open .npz.

    Raises:
        UserError: it holds Python objects, or is not in C order, or is no array.
    """
    with archive.open(f'{name}.npy') as file:
        try:
            # Later versions are for tables, and let a header be gigabytes long.
            if (version := np.lib.format.read_magic(file)) != (1, 0):
                raise ValueError(f'version {version}')
            shape, by_columns, dtype = np.lib.format.read_array_header_1_0(file)
            if any(length < 0 for length in shape):
                raise ValueError(f'shape {shape}')
        except Exception as error:  # the header is parsed as Python, which fails in many ways
            raise UserError(f"{path}: '{name}' is no array: save it again", DATA) from error
        if dtype.hasobject or (by_columns and len(shape) > 1):
            raise UserError(
                f"{path}: '{name}' holds Python objects or columns first: save it as a plain array",
                DATA,
            )
        yield shape, dtype, file


def blocks(shape: tuple[int, ...], dtype: np.dtype, file: BinaryIO, name: str) -> Iterator:
    """The array as blocks [n, ...] along its first axis; the arguments are as from `array`."""
    width = math.prod(shape[1:]) * dtype.itemsize
    step, found = max(1, BLOCK // max(1, width)), 0
    while found < shape[0]:
        count = min(step, shape[0] - found)
        content = file.read(count * width)
        if len(content) != count * width:
            raise UserError(f'{name} is cut short: save it again', DATA)
        yield np.frombuffer(content, dtype).reshape(count, *shape[1:])
        found += count
    if file.read(1):  # reading to the end also compares the checksum
        raise UserError(f'{name} is longer than it declares: save it again', DATA)


def _check(path: Path, shape: tuple, dtype: np.dtype) -> None:
    if (
        (dtype.kind, dtype.itemsize) not in (('u', 1), ('u', 2))
        or len(shape) != 4
        or shape[3] not in (1, 3)
        or 0 in shape
    ):
        raise UserError(
            f"{path}: 'images' must be uint8 or uint16 [N, H, W, C] with C 1 or 3, got {dtype} "
            f'{list(shape)}: save it again',
            DATA,
        )
    if shape[1] * shape[2] > decode.LARGEST:
        raise UserError(
            f'{path} holds images of {shown_size(shape[1:3])} pixels, too many to read safely: '
            'save smaller ones',
            DATA,
        )


def _check_labels_are_not_called_otherwise(
    archive: zipfile.ZipFile, others: Sequence[str], path: Path, count: int
) -> None:
    """Refuses a file with another array that may be the labels, which would be lost silently.

    Such an array has a similar name, or holds an integer for each image.

    Raises:
        UserError: there is one.
    """
    for name in others:
        alike = name.lower() in ALIKE or difflib.get_close_matches(name.lower(), ['labels'])
        if not alike:
            with contextlib.suppress(UserError), array(archive, name, path) as (shape, dtype, _):
                alike = shape == (count,) and dtype.kind in 'iu'
        if alike:
            raise UserError(
                f"{path} holds no array 'labels' but '{shown(name)}': if that is the labels, save "
                'it by np.savez(path, images=..., labels=...), and else leave it out',
                DATA,
            )


def _labels(archive: zipfile.ZipFile, path: Path, count: int) -> np.ndarray:
    with array(archive, 'labels', path) as (shape, dtype, file):
        if len(shape) == 2 and shape[0] == count and shape[1] and dtype.kind in 'iufb':
            found = np.concatenate([*blocks(shape, dtype, file, str(path))])
            with np.errstate(over='ignore'):  # looked for in the next line
                found = found.astype(np.float32)
            if not np.isfinite(found).all():
                raise UserError(
                    f"{path}: 'labels' holds numbers that are not finite: leave them out", DATA
                )
            return found
        if shape != (count,) or dtype.kind not in 'iu':
            raise UserError(
                f"{path}: 'labels' must be integers [{count}], or numbers [{count}, K], got "
                f'{dtype} {list(shape)}: save it again',
                DATA,
            )
        return np.concatenate([_counted(b, path) for b in blocks(shape, dtype, file, str(path))])


def _counted(labels: np.ndarray, path: Path) -> np.ndarray:
    if labels.min() < 0 or labels.max() >= classes.MOST:
        raise UserError(
            f"{path}: 'labels' must count from 0 and stay below {classes.MOST:,}: save it again",
            DATA,
        )
    return labels.astype(np.int32)


def _pieces(path: Path, labels: np.ndarray | None) -> Iterator[Piece]:
    with reading(path) as file, zipfile.ZipFile(file) as archive:
        with array(archive, 'images', path) as (shape, dtype, numbers):
            for block in blocks(shape, dtype, numbers, str(path)):
                yield Piece('train', 'images', block if dtype == np.uint8 else depth.rounded(block))
    if labels is not None:
        yield Piece('train', 'labels', labels)
