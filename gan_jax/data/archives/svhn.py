"""The cropped digits of SVHN, Street View House Numbers, from their MATLAB files."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from gan_jax.data.pieces import Piece
from gan_jax.data.resize import Size
from gan_jax.runtime.errors import DATA, UserError
from gan_jax.runtime.paths import opened


def read_svhn(paths: Mapping[str, Path], size: Size | None) -> Iterator[Piece]:
    """Images uint8 [n, 32, 32, 3] and labels 0-9 of train and test.

    A file holds X, uint8 [32, 32, 3, n], and y, the digits, where 10 stands for 0.
    """
    from scipy.io import loadmat  # slow to import, and needed for nothing else here

    for name, path in paths.items():
        try:
            with opened(path) as file:
                content = loadmat(file, variable_names=('X', 'y'))
            images, labels = content['X'], content['y'].ravel()
        except UserError:
            raise
        except Exception as error:  # the parser raises whatever it stumbles over
            raise UserError(f'{path} is damaged or no {name}: get it again', DATA) from error
        if images.dtype != np.uint8 or images.shape[:3] != (32, 32, 3) or images.ndim != 4:
            raise UserError(f'{path} holds no images of 32x32x3: it must be {name}', DATA)
        split = name.partition('_')[0]
        yield Piece(split, 'images', images.transpose(3, 0, 1, 2))
        yield Piece(split, 'labels', labels.astype(np.int32) % 10)
