"""STL-10 from its binary archive (https://cs.stanford.edu/~acoates/stl10/).

An image is 96 columns of 96 of red, then green, then blue; labels are 1-10, one byte each.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from gan_jax.data.archives.binary import members, rows
from gan_jax.data.damage import reading
from gan_jax.data.pieces import Piece
from gan_jax.data.resize import Size

MEMBERS = {
    'train_X.bin': ('train', 'images'),
    'train_y.bin': ('train', 'labels'),
    'test_X.bin': ('test', 'images'),
    'test_y.bin': ('test', 'labels'),
    'unlabeled_X.bin': ('unlabelled', 'images'),
}


def read_stl10(paths: Mapping[str, Path], size: Size | None) -> Iterator[Piece]:
    """Images uint8 [n, 96, 96, 3] and labels 0-9 of train and test; 'unlabelled' has no labels."""
    (path,) = paths.values()
    with reading(path) as file:
        for name, member in members(file, path, MEMBERS, 'stl10_binary.tar.gz'):
            split, kind = MEMBERS[name]
            for block in rows(member, 3 * 96 * 96 if kind == 'images' else 1, f'{name} of {path}'):
                if kind == 'images':
                    yield Piece(split, kind, block.reshape(-1, 3, 96, 96).transpose(0, 3, 2, 1))
                else:
                    yield Piece(split, kind, block[:, 0].astype(int) - 1)
