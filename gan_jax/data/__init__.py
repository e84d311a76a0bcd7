"""Data sets by name, resident in memory as uint8: `load('digits').images`.

A new source of data is one reader and one entry of `READERS`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gan_jax.data import digits
from gan_jax.data.dataset import DataSet, digest
from gan_jax.data.resize import resize
from gan_jax.errors import UserError
from gan_jax.load import nearest

__all__ = ['READERS', 'DataSet', 'Reader', 'digest', 'load']


class Reader(NamedTuple):
    """How one data set is read.

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


def load(
    name: str,
    data_dir: str | Path | None = None,
    split: str = 'train',
    *,
    size: int | None = None,
) -> DataSet:
    """The data set of that name, whole, in memory.

    Args:
        name: 'digits' (16×16×1, 10 classes) or 'stacked_digits' (16×16×3, 1,000 classes).
        data_dir: where the files of a prepared data set lie; the embedded sets, which are both of
            the above, need none and ignore it.
        split: 'train' or 'test'.
        size: side of the square that every image is resized to (bicubic, antialiased); None leaves
            the images as they are stored.

    Returns:
        A `DataSet` with images uint8 [N, H, W, C]; the same call gives the same bytes.

    Raises:
        UserError: no such name, no such split of that name, or a size below 1.
    """
    if name not in READERS:
        raise UserError(f"there is no data set '{name}'{nearest(name, list(READERS))}")
    reader = READERS[name]
    if split not in reader.splits:
        raise UserError(f"'{name}' has no split '{split}'{nearest(split, reader.splits)}")
    if size is not None and size < 1:
        raise UserError(f'the size of an image must be at least 1 pixel, got {size}')
    data = reader.read(data_dir, split)
    return data if size is None else data._replace(images=resize(data.images, size))
