"""The codes of a data set on the disk, `DIR/NAME.codes/<split>/`, in the form of `prepared`.

There, images.npy holds codes as the networks see them, float16 or uint8 [N, h, w, c], and info.json
names the autoencoder and the digests of its weights, its source and the images. The images
themselves stay where they are: metrics compare with them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gan_jax.data import autoencoder, prepared
from gan_jax.data.autoencoder import PORTION, Autoencoder
from gan_jax.data.dataset import Codes, DataSet, digest, spaced
from gan_jax.data.pieces import Piece, chunk
from gan_jax.runtime.errors import DATA, MISSING, UserError
from gan_jax.runtime.paths import shown
from gan_jax.runtime.python_file import source_digest

SAMPLED = 10_000  # images by which channels are shifted and scaled
MEAN, DEVIATION = 0.5, 0.25  # of each channel as the networks see it, which map [0, 1] to [-1, 1]

Encode = Callable[[np.ndarray], np.ndarray]  # uint8 [n, H, W, C] -> float32 or uint8 [n, h, w, c]


class Range(NamedTuple):
    """The numbers between an autoencoder's codes and what the networks see, one for a channel.

    Attributes:
        offset, scale: as in `dataset.Codes`.
    """

    offset: tuple[float, ...]
    scale: tuple[float, ...]


def folder_of(root: Path, name: str) -> Path:
    """The folder of a data set's codes in the folder of prepared data sets."""
    return root / f'{name}{prepared.CODES}'


# Writing -----------------------------------------------------------------------------------------


def write(
    root: Path,
    splits: Mapping[str, DataSet],
    path: str,
    own: Autoencoder,
    advance: Callable[[int], None] = lambda count: None,
) -> None:
    """Encodes all splits of a data set; the folder of codes is whole or absent.

    Args:
        root: the folder of prepared data sets.
        splits: of one data set, 'train' among them.
        path: of the function that made the autoencoder; its module is imported.
        own: the autoencoder.
        advance: called with the number of images of each piece.

    Raises:
        UserError: codes that are not finite or, in a channel, all the same (65).
    """
    train, encode = splits['train'], autoencoder.make_encode(own)
    some = spaced(len(train.images), min(SAMPLED, len(train.images)))
    found = range_of(_encoded(encode, train.images, some))
    encoded = {
        **found._asdict(),
        'autoencoder': path,
        'variables': autoencoder.digest(own),
        'source_sha256': source_digest(path),
        'images': {split: digest(dataset) for split, dataset in splits.items()},
    }
    prepared.write_prepared(
        folder_of(root, train.name),
        _pieces(splits, encode, found),
        {'name': train.name, 'encoded': encoded},
        num_classes=0,
        advance=advance,
    )


def range_of(pieces: Iterable[np.ndarray]) -> Range:
    """The range of codes, float32 [n, h, w, c], or uint8, whose range is 0 to 255; at least one.

    Only one piece is in memory: means and squares are joined piece by piece ("Updating Formulae and
    a Pairwise Algorithm for Computing Sample Variances", Chan et al. 1979, equation 2.1).

    Raises:
        UserError: as `write`.
    """
    count, mean, squares = 0, 0.0, 0.0
    for codes in pieces:
        channels = codes.shape[-1]
        if codes.dtype == np.uint8:
            return Range((0.0,) * channels, (255.0,) * channels)
        _check_finite(codes)
        rows = codes.reshape(-1, channels)
        further, before = rows.mean(0, np.float64) - mean, count
        count += len(rows)
        mean = mean + further * len(rows) / count
        squares = squares + rows.var(0, np.float64) * len(rows)
        squares = squares + further**2 * before * len(rows) / count
    deviation = np.sqrt(squares / count)
    if not deviation.all():
        channel = int(np.flatnonzero(deviation == 0)[0])
        raise UserError(
            f'--encode: channel {channel} of {channels} is the same number in all codes: leave it '
            'out of what encode returns',
            DATA,
        )
    scale = deviation / DEVIATION
    return Range(tuple((mean - MEAN * scale).tolist()), tuple(scale.tolist()))


def _pieces(splits: Mapping[str, DataSet], encode: Encode, found: Range) -> Iterator[Piece]:
    for split, dataset in splits.items():
        for codes in _encoded(encode, dataset.images, np.arange(len(dataset.images))):
            yield Piece(split, 'images', _as_seen(codes, found))


def _encoded(encode: Encode, images: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    """The codes of some of the images, in whole portions of about as many bytes as a piece has."""
    count = max(1, chunk(images[0].nbytes) // PORTION) * PORTION
    for first in range(0, len(rows), count):
        yield encode(np.asarray(images[rows[first : first + count]]))


def _as_seen(codes: np.ndarray, found: Range) -> np.ndarray:
    if codes.dtype == np.uint8:
        return codes
    offset, scale = (np.asarray(numbers, np.float32) for numbers in found)
    with np.errstate(over='ignore'):  # what is too large is refused by a sentence
        seen = ((codes - offset) / scale).astype('<f2')
    _check_finite(seen)
    return seen


def _check_finite(codes: np.ndarray) -> None:
    if not np.isfinite(codes).all():
        raise UserError(
            '--encode: codes that are NaN or too large: check the weights of the autoencoder, and '
            'that it takes images in [0, 1]',
            DATA,
        )


# Reading -----------------------------------------------------------------------------------------


def record_of(root: Path, name: str) -> Mapping[str, Any] | None:
    """The block `encoded` of info.json of the codes of a data set; None where it has none."""
    infos = prepared.infos(folder_of(root, name)).values()
    return next((info.get('encoded') for info in infos), None)


def attached(dataset: DataSet, root: Path, split: str, path: str) -> DataSet:
    """A split of a data set with its codes.

    Args:
        dataset: the split.
        root: the folder of prepared data sets.
        split: its name.
        path: of the function that has to have made them.

    Raises:
        UserError: there are none (66), or they are damaged, of other images, or of another function
            (65).
    """
    name, folder = dataset.name, folder_of(root, dataset.name)
    record, command = record_of(root, name), f'--dataset={shown(name)} --encode={path}'
    if record is None:
        raise UserError(
            f"the images of '{shown(name)}' are not encoded in {shown(root)}: python -m "
            f'gan_jax.prepare {command} --data_dir={shown(root)}',
            MISSING,
        )
    if record['autoencoder'] != path:
        raise UserError(
            f'{folder} has codes of {record["autoencoder"]}, not of {path}: name that one, or '
            f'remove the folder and encode anew, by python -m gan_jax.prepare {command}',
            DATA,
        )
    if record['images'].get(split) != digest(dataset):
        height, width = dataset.images.shape[1:3]
        raise UserError(
            f"{folder} has codes of other images than the {height}x{width} of the split '{split}': "
            'give config.data.size as it was, or remove the folder and encode anew',
            DATA,
        )
    array = prepared.read_prepared(folder, split, name, (np.uint8, np.float16)).images
    numbers = (tuple(record[key]) for key in Range._fields)
    digests = (record.get(key, '') for key in ('variables', 'source_sha256'))
    return dataset._replace(codes=Codes(array, *numbers, path, *digests))
