"""Data sets by name or path, as uint8: `load('digits').images`.

Names are embedded sets (`READERS`), what `python -m gan_jax.prepare` has prepared, and copies of
tensorflow-datasets; a path is a folder, zip, tar or npz of images. A new embedded set is one reader
and one entry of `READERS`; a new archive is one reader and one entry of `archives.ARCHIVES`.
"""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gan_jax.data import digits, prepared
from gan_jax.data.archives import ARCHIVES, FOLDERS
from gan_jax.data.dataset import MEMORY, DataSet, digest, on_disk
from gan_jax.data.pieces import resized
from gan_jax.data.resize import resize
from gan_jax.data.sources import is_path, open_images
from gan_jax.data.subset import subset
from gan_jax.errors import DATA, MISSING, UserError
from gan_jax.load import nearest

__all__ = ['READERS', 'DataSet', 'Reader', 'digest', 'folder_of', 'load', 'names', 'subset']

VARIABLE = 'GAN_JAX_DATA'  # environment variable with the folder of prepared data sets


class Reader(NamedTuple):
    """How one embedded data set is read.

    Attributes:
        read: (data_dir, split) -> DataSet; `split` is one of `splits`.
        splits: the names of the splits that it has.
    """

    read: Callable[[str | Path | None, str], DataSet]
    splits: tuple[str, ...]


READERS = {
    'digits': Reader(digits.read, digits.SPLITS),
    'stacked_digits': Reader(digits.read_stacked, digits.SPLITS),
}


def names() -> list[str]:
    """All names that are known without looking at the disk."""
    return sorted([*READERS, *ARCHIVES, *FOLDERS])


def folder_of(data_dir: str | Path | None) -> Path:
    """Where prepared data sets lie: `data_dir`, else $GAN_JAX_DATA, else ./data."""
    return Path(data_dir or os.environ.get(VARIABLE) or 'data').expanduser()


def load(
    name: str,
    data_dir: str | Path | None = None,
    split: str = 'train',
    *,
    size: int | None = None,
) -> DataSet:
    """The data set of that name or path.

    Args:
        name: 'digits' (16×16×1, 10 classes) or 'stacked_digits' (16×16×3, 1,000 classes), which
            come with the package; the name of a prepared data set, such as 'cifar10'; or the path,
            with a '/' or ending in .zip, .tar or .npz, of images (see `folder` and `npz`).
        data_dir: where prepared data sets, or copies of tensorflow-datasets, lie; see `folder_of`.
        split: 'train', 'test', or what else the data set has.
        size: side of the square that every image is resized to (bicubic, antialiased; image files
            are first cropped to the square in the middle); None leaves the images as they are.

    Returns:
        A `DataSet` with images uint8 [N, H, W, C]; the same call gives the same bytes. A prepared
        data set of more than `dataset.MEMORY` bytes is mapped from the disk, read-only.

    Raises:
        UserError: no such name, path or split, a size below 1, images that are refused, damaged
            files, or images that stay on the disk and have another size.
    """
    if name in READERS:
        reader = READERS[name]
        if split not in reader.splits:
            raise _no_split(name, split, reader.splits)
        _check_size(size)
        data = reader.read(data_dir, split)
    else:
        _check_size(size)
        data = _from_path(name, split, size) if is_path(name) else _stored(name, data_dir, split)
    return data if size is None else _resized(data, size)


def _check_size(size: int | None) -> None:
    if size is not None and size < 1:
        raise UserError(f'the size of an image must be at least 1 pixel, got {size}')


def _no_split(name: str, split: str, known: tuple[str, ...]) -> UserError:
    return UserError(f"'{name}' has no split '{split}'{nearest(split, known)}")


def _resized(data: DataSet, size: int) -> DataSet:
    if on_disk(data) and data.images.shape[1:3] != (size, size):
        raise UserError(
            f"'{data.name}' is prepared with {data.images.shape[2]}x{data.images.shape[1]} pixels "
            f'and too large to be resized in memory: prepare it again with --size={size} in '
            'another --data_dir',
            DATA,
        )
    return data._replace(images=resize(data.images, size))


def _from_path(name: str, split: str, size: int | None) -> DataSet:
    content, shape = open_images(Path(name).expanduser(), size)
    side = size or shape[0]
    need = content.count * side * side * shape[2]
    if need > MEMORY:
        raise UserError(
            f'{name} would take {need / 1e9:.1f} GB of memory: prepare it once, python -m '
            f'gan_jax.prepare --dataset=A_NAME --source={name} --size={side}, and use that name',
            DATA,
        )
    for note in content.notes:
        print(f'gan_jax: {note}', file=sys.stderr)
    pieces = list(resized(content.pieces, size))
    splits = tuple(sorted({piece.split for piece in pieces}))
    if split not in splits:
        raise _no_split(name, split, splits)
    images, labels = (
        [p.array for p in pieces if (p.split, p.kind) == (split, kind)]
        for kind in ('images', 'labels')
    )
    classes = np.concatenate(labels).astype(np.int32) if labels else None
    return DataSet(np.concatenate(images), classes, content.num_classes if labels else 0, name)


def _stored(name: str, data_dir: str | Path | None, split: str) -> DataSet:
    # A name is a folder's name, never a way out of data_dir.
    root = folder_of(data_dir)
    if re.fullmatch(r'[A-Za-z0-9_][A-Za-z0-9_.-]*', name):
        if splits := prepared.infos(root / name):
            if split not in splits:
                raise _no_split(name, split, tuple(splits))
            return prepared.read(root / name, split, name)
        from gan_jax.data import tfds_copies

        if copy := tfds_copies.read(root, name, split):
            return copy
    if name in (*ARCHIVES, *FOLDERS):
        raise UserError(
            f"'{name}' is not prepared in {root}: {_command(name)} --data_dir={root}", MISSING
        )
    raise UserError(f"there is no data set '{name}'{nearest(name, names()) or _known()}")


def _known() -> str:
    return f'; known: {", ".join(names())}'


def _command(name: str) -> str:
    """How that data set is prepared."""
    archive = ARCHIVES.get(name)
    source = '' if archive and archive.files[0].url else ' --source=PATH'
    size = ' --size=N' if archive and archive.photographs else ''
    return f'python -m gan_jax.prepare --dataset={name}{source}{size}'
