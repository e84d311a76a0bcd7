"""Data sets by name or path, as uint8: `load('digits').images`.

Names are embedded sets (`READERS`), what `python -m gan_jax.prepare` has prepared, and copies of
tensorflow-datasets; a path is a folder, zip, tar or npz of images. A new embedded set is one reader
and one entry of `READERS`; a new archive is one reader and one entry of `archives.table.ARCHIVES`.
"""

import math
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from gan_jax.data import digits, prepared
from gan_jax.data.archives.table import ARCHIVES, FOLDERS
from gan_jax.data.content import content_fault
from gan_jax.data.dataset import MEMORY, DataSet, digest, on_disk
from gan_jax.data.pieces import collected, no_split, resized
from gan_jax.data.resize import Size, fitted, flag_of, pair, shown_size
from gan_jax.data.sources import (
    Overview,
    absolute,
    is_path,
    open_images,
    overview_of,
    place_of,
)
from gan_jax.data.subsets import hold_out, share_of, subset
from gan_jax.data.tfds import contents, copies
from gan_jax.runtime import output
from gan_jax.runtime.errors import DATA, MISSING, UserError
from gan_jax.runtime.nearest import nearest
from gan_jax.runtime.paths import ends_with, expanded, shown

__all__ = [
    'READERS',
    'DataSet',
    'absolute',
    'at_size',
    'content_fault',
    'digest',
    'folder_of',
    'hold_out',
    'is_path',
    'load',
    'names',
    'outline',
    'overview',
    'prepared_in',
    'share_of',
    'subset',
]

VARIABLE = 'GAN_JAX_DATA'  # environment variable with the folder of prepared data sets
OUTLINE = 50_000  # images of an outline, more than any batch


# Embedded sets: split, 'train' or 'test' -> data set.
READERS = {'digits': digits.read_digits, 'stacked_digits': digits.read_stacked}


def names() -> list[str]:
    """All names that are known without looking at the disk."""
    return sorted([*READERS, *ARCHIVES, *FOLDERS])


def folder_of(data_dir: str | Path | None) -> Path:
    """The folder of prepared data sets: `data_dir`, else $GAN_JAX_DATA, else ./data."""
    return expanded(data_dir or os.environ.get(VARIABLE) or 'data')


def load(
    name: str,
    data_dir: str | Path | None = None,
    split: str = 'train',
    *,
    size: Size | None = None,
    background: str = '',
) -> DataSet:
    """The data set of that name or path.

    Args:
        name: 'digits' (16×16×1, 10 classes) or 'stacked_digits' (16×16×3, 1,000 classes), which
            come with the package; the name of a prepared data set, such as 'cifar10'; or the path,
            with a '/' or ending in .zip, .tar or .npz, of images (see `folder` and `npz`).
        data_dir: the folder of prepared data sets and of copies of tensorflow-datasets, see
            `folder_of`. A path is looked for here too, by its last part, before its own place.
        split: 'train', 'test', or another split of the data set.
        size: that every image is brought to, the side of a square or (height, width): the largest
            part of these proportions in the middle, resized (bicubic, antialiased); None leaves the
            images as they are.
        background: a colour that transparent images of a path are laid over: white, black, grey or
            #RRGGBB; '' refuses them. Prepared images have none.

    Returns:
        A `DataSet` with images uint8 [N, H, W, C]; the same call gives the same bytes. A prepared
        data set of more than `dataset.MEMORY` bytes is mapped from the disk, read-only.

    Raises:
        UserError: no such name, path or split, a size below 1, images that are refused, damaged
            files, or images that stay on the disk and have another size.
    """
    if size is not None and min(pair(size)) < 1:
        raise UserError(f'the size of an image must be at least 1 pixel, got {size}')
    if name in READERS:
        if split not in digits.SPLITS:
            raise no_split(name, split, digits.SPLITS)
        data = READERS[name](split)
    elif is_path(name):
        data = _from_path(name, place_of(name, data_dir), split, size, background)
    else:
        data = _stored(name, data_dir, split, size) or _missing(name, folder_of(data_dir), size)
    return data if size is None else at_size(data, size)


def overview(name: str, data_dir: str | Path | None = None) -> Overview | None:
    """The splits and classes of a data set, none of whose images is read; None if it is not here.

    Arguments and errors as of `load`.
    """
    root = folder_of(data_dir)
    if name in READERS:
        sets = {split: READERS[name](split) for split in digits.SPLITS}
        counts = {split: len(one.images) for split, one in sets.items()}
        return Overview(counts, sets['train'].num_classes)
    if is_path(name):
        return overview_of(place_of(name, data_dir))
    if not prepared.NAME.fullmatch(name):
        return None
    if infos := prepared.infos(root / name):
        counts = {split: info['images']['shape'][0] for split, info in infos.items()}
        return Overview(counts, max(info['num_classes'] for info in infos.values()))
    found = {split: copies.find(root, name, split) for split in copies.splits(root, name)}
    counts = {split: copy.count for split, copy in found.items()}
    return Overview(counts, max(copy.num_classes for copy in found.values())) if found else None


def outline(name: str, size: Size) -> DataSet | None:
    """Blank images in the form of a published data set, which take no memory; None for other names.

    A run's networks and cost depend on nothing else, so that they are known without the data set.
    """
    if name not in (*ARCHIVES, *FOLDERS):
        return None
    channels, classes, class_names = 3, 0, None
    if archive := ARCHIVES.get(name):
        channels, classes = archive.channels, archive.num_classes
        class_names = archive.class_names
    images = np.broadcast_to(np.uint8(0), (OUTLINE, *pair(size), channels))
    labels = np.broadcast_to(np.int32(0), OUTLINE) if classes else None
    return DataSet(images, labels, classes, name, class_names)


def at_size(data: DataSet, size: Size) -> DataSet:
    """A data set with its images `fitted` to a size.

    Raises:
        UserError: images of another size that lie on the disk (65) or would not fit in memory.
    """
    if data.images.shape[1:3] == pair(size):
        return data
    if on_disk(data):
        raise UserError(
            f"'{data.name}' is prepared with {shown_size(data.images.shape[1:3])} pixels "
            'and too large to be resized in memory: prepare it again with '
            f'--size={flag_of(size)} in another --data_dir',
            DATA,
        )
    if (need := len(data.images) * math.prod(pair(size)) * data.images.shape[3]) > MEMORY:
        raise UserError(
            f"'{data.name}' would take {need / 1e9:.1f} GB of memory with {shown_size(size)} "
            'pixels: choose a smaller size'
        )
    return data._replace(images=fitted(data.images, size))


def _from_path(name: str, path: Path, split: str, size: Size | None, background: str) -> DataSet:
    content, shape = open_images(path, size, background=background, split=split)
    asked = shape[:2] if size is None else size
    need = content.count * math.prod(pair(asked)) * shape[2]
    if need > MEMORY:
        raise UserError(
            f'{name} would take {need / 1e9:.1f} GB of memory: prepare it once, python -m '
            f'gan_jax.prepare --dataset=A_NAME {shlex.quote(f"--source={name}")} '
            f'--size={flag_of(asked)}, and use that name',
            DATA,
        )
    for note in content.notes:
        output.note_once(note)  # a run reads its data set more than once
    pieces = resized(content.pieces, size)
    return collected(pieces, split, content.num_classes, name, content.class_names)


def _stored(
    name: str, data_dir: str | Path | None, split: str, size: Size | None
) -> DataSet | None:
    """A split of a prepared data set or of a copy of tensorflow-datasets; None if neither is here.

    Raises:
        UserError: the data set has no such split, is damaged, or is codes of another (65).
    """
    root = folder_of(data_dir)
    if not prepared.NAME.fullmatch(name):
        return None
    if splits := prepared.infos(root / name):
        if split not in splits:
            raise no_split(name, split, splits)
        if 'encoded' in splits[split]:
            raise UserError(
                f"'{name}' in {root} is no data set but codes of one: name the data set "
                f"'{name.removesuffix(prepared.CODES)}', and its codes by config.data.autoencoder",
                DATA,
            )
        _note_if_enlarged(name, splits[split], size)
        return prepared.read_prepared(root / name, split, name)
    return contents.read_copy(root, name, split)


def _note_if_enlarged(name: str, info: Mapping[str, Any], size: Size | None) -> None:
    """Says that images are asked for that are larger than those that were made of the originals."""
    own = tuple(info['images']['shape'][1:3])
    resized_before = info.get('made', {}).get('size')
    if resized_before and size is not None and np.any(np.array(pair(size)) > own):
        output.note_once(
            f"'{name}' is prepared with {shown_size(own)} pixels, which are enlarged to "
            f'{shown_size(size)}: for sharper images prepare it under another name with '
            f'--size={flag_of(size)}'
        )


def _missing(name: str, root: Path, size: Size | None) -> NoReturn:
    """Raises a UserError that says how that data set is prepared, or which name was meant."""
    if name in (*ARCHIVES, *FOLDERS):
        archive = ARCHIVES.get(name)
        source = '' if archive and archive.files[0].url else ' --source=PATH'
        side = (
            f' --size={flag_of(size) if size else "N"}'
            if name in FOLDERS or archive.photographs
            else ''
        )
        raise UserError(
            f"'{name}' is not prepared in {root}: python -m gan_jax.prepare --dataset={name}"
            f'{source}{side} {shlex.quote(f"--data_dir={root}")}',
            MISSING,
        )
    known = [*names(), *prepared_in(root)]
    meant = nearest(name, known)
    if name and Path(name).exists():
        advice = f'; for the images in {name} write ./{name}'
    elif prepared.NAME.fullmatch(name) and not meant:
        advice = (
            f'; for images of your own: python -m gan_jax.prepare --dataset={shown(name)} '
            f'--source=PATH --data_dir={root}'
        )
    else:
        advice = ''
    if advice:
        advice = f'; where it is prepared elsewhere, name that folder by --data_dir=DIR{advice}'
    meant = meant or f'; known: {", ".join(known)}'
    raise UserError(f"there is no data set '{shown(name)}' in {root}{meant}{advice}")


def prepared_in(root: Path) -> list[str]:
    """The names of the prepared data sets in a folder."""
    found = {path.parent.parent.name for path in root.glob('*/*/info.json')}
    return sorted(name for name in found if not ends_with(name, prepared.CODES))
