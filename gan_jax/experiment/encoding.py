"""The images of a data set encoded by an autoencoder, once, for all runs in its codes."""

import os
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np

from gan_jax import data
from gan_jax.data import autoencoder, codes, digits, prepared
from gan_jax.data.autoencoder import Autoencoder
from gan_jax.data.dataset import evenly_spaced
from gan_jax.experiment.kinds import AUTOENCODER
from gan_jax.runtime import load
from gan_jax.runtime.errors import DATA, PartError, UserError, of_part
from gan_jax.runtime.paths import shown
from gan_jax.runtime.progress import Progress, no_progress
from gan_jax.runtime.python_file import source_digest

TRIED = 100  # images that are decoded again, for the number that says how well


def encode(
    name: str, root: Path, path: str, size: int | None, progress: Progress = no_progress
) -> None:
    """Encodes all splits of a data set, unless that is done, and prints how well they are decoded.

    Args:
        name: of a data set that is prepared in `root`, or comes with the package.
        root: the folder of prepared data sets.
        path: of a function without arguments that makes an `Autoencoder`.
        size: of the images; None leaves them as they are.
        progress: reports the work.

    Raises:
        UserError: there is no such function or data set, the autoencoder breaks its contract, it
            has encoded the images otherwise before, or as `codes.write`.
    """
    names = digits.SPLITS if name in data.READERS else prepared.infos(root / name)
    splits = {split: data.load(name, root, split, size=size) for split in names}
    shape = splits['train'].images.shape[1:]
    try:
        with of_part('--encode'):
            own = load.build({'fn': path}, AUTOENCODER)
            code = autoencoder.code_of(own, shape)
            source_digest(path)  # which fails where stale codes could not be told
    except PartError as error:
        raise UserError(str(error)) from error
    folder = codes.folder_of(root, name)
    with prepared.locked(folder):
        if os.path.lexists(folder):
            _check_done(splits, root, path, own)
            print(f'{shown(folder)} was encoded already; remove it to encode anew')
        else:
            _write(splits, root, path, own, progress)
    some = evenly_spaced(splits['train'].images, min(TRIED, len(splits['train'].images)))
    print(
        f'{shown(folder)}: codes of {"x".join(map(str, code.shape))} for images of '
        f'{"x".join(map(str, shape))}; decoded again, {len(some)} images differ by a root mean '
        f'square of {_difference(own, some):.2g} of 255'
    )


def _write(
    splits: Mapping[str, data.DataSet], root: Path, path: str, own: Autoencoder, progress: Progress
) -> None:
    total, done = sum(len(one.images) for one in splits.values()), 0
    with progress('encoding') as tick:

        def advance(count: int) -> None:
            nonlocal done
            done += count
            tick(done, total)

        codes.write(root, splits, path, own, advance)


def _check_done(
    splits: Mapping[str, data.DataSet], root: Path, path: str, own: Autoencoder
) -> None:
    for split, dataset in splits.items():
        found = codes.attached(dataset, root, split, path).codes
        if found.variables != autoencoder.digest(own):
            other = 'weights'
        elif found.source_sha256 != source_digest(path):
            other = 'source'
        else:
            continue
        raise UserError(
            f'{codes.folder_of(root, dataset.name)} is encoded with other {other} of {path}: '
            'remove it, and encode and train anew',
            DATA,
        )


def _difference(own: Autoencoder, images: np.ndarray) -> float:
    """The root mean square of images, uint8 [n, H, W, C], less what is decoded of their codes."""
    encoded = autoencoder.make_encode(own)(images).astype(np.float32)
    decode = jax.jit(own.decode)
    step = autoencoder.PORTION
    parts = [decode(own.variables, encoded[i : i + step]) for i in range(0, len(images), step)]
    decoded = np.clip(np.concatenate([np.asarray(part, np.float32) for part in parts]), 0, 1)
    return float(255 * np.sqrt(np.mean((decoded - images.astype(np.float32) / 255) ** 2)))
