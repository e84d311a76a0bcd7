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
from gan_jax.data.resize import Size
from gan_jax.experiment.images import build_autoencoder
from gan_jax.runtime import output
from gan_jax.runtime.errors import DATA, UserError
from gan_jax.runtime.paths import shown
from gan_jax.runtime.progress import Progress, no_progress

TRIED = 100  # images that are decoded again, for the number that says how well


def encode(
    name: str, root: Path, path: str, size: Size | None, progress: Progress = no_progress
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
    own, code, source = build_autoencoder({'fn': path}, shape, part='--encode')
    folder = codes.folder_of(root, name)
    with prepared.locked(folder):
        if os.path.lexists(folder):
            _check_done(splits, root, path, own, source)
            output.say(f'{shown(folder)} was encoded already; remove it to encode anew')
        else:
            _write(splits, root, path, own, progress)
    some = evenly_spaced(splits['train'].images, min(TRIED, len(splits['train'].images)))
    output.say(
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
    splits: Mapping[str, data.DataSet], root: Path, path: str, own: Autoencoder, source: str
) -> None:
    for split, dataset in splits.items():
        found = codes.attached(dataset, root, split, path).codes
    # All splits are of one record.
    other = {
        'weights': found.variables != autoencoder.digest(own),
        'source': found.source_sha256 != source,
    }
    if any(other.values()):
        raise UserError(
            f'{codes.folder_of(root, dataset.name)} is encoded with other '
            f'{next(name for name in other if other[name])} of {path}: remove it, and encode and '
            'train anew',
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
