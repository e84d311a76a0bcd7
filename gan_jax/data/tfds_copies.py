"""Copies that tensorflow-datasets prepared, in ArrayRecord or TFRecord, read without TensorFlow.

A copy lies in `DATA_DIR/<name>[/<config>]/<version>/`. Its images are compressed one by one, and
decoding them takes a while (60,000 of CIFAR-10's size about 20 seconds) each time that a program
starts: `python -m gan_jax.prepare` does it once and writes arrays that load at once.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gan_jax.data.dataset import MEMORY, DataSet
from gan_jax.data.faces import CROP
from gan_jax.data.tfds_records import Frames, Labelled, decoded, first_line, frames_of
from gan_jax.errors import DATA, MISSING, UserError

# Our name -> theirs, where they differ; any other name stands for itself.
THEIRS = {
    'svhn': 'svhn_cropped',
    'imagenet': 'imagenet2012',
    'imagenet32': 'imagenet_resized/32x32',
    'imagenet64': 'imagenet_resized/64x64',
}
# Where we call a split otherwise, as the readers of the archives do.
SPLITS = {('imagenet32', 'test'): 'validation', ('imagenet64', 'test'): 'validation'}
SIDEWAYS = {'emnist'}  # not read: their images lie on the side, ours stand upright
CROPS = {'celeb_a': CROP}  # the square that is cut out before an image is resized
FILES = ('dataset_info.json', 'features.json')


class Copy(NamedTuple):
    """One split of a copy, described but not read yet.

    Attributes:
        folder: the folder of the version, which holds dataset_info.json.
        count: how many images there are.
        shape: (height, width, channels) of an image; height and width are None where they vary.
        num_classes: how many classes there are; 0 where the copy has no labels.
        shards: the files with their numbers of records, in order.
        frames: what yields the records of one file.
        features: what tensorflow-datasets calls the features of the image and of the label, if any.
    """

    folder: Path
    count: int
    shape: tuple[int | None, int | None, int]
    num_classes: int
    shards: tuple[tuple[Path, int], ...]
    frames: Frames
    features: tuple[Any, Any | None]


def read(data_dir: str | Path, name: str, split: str) -> DataSet | None:
    """A split of a copy, whole, in memory, or None where there is no copy of that name.

    Args:
        data_dir: the folder that tensorflow-datasets was given, or the folder of one version.
        name: our name of the data set ('svhn', 'imagenet32') or theirs ('svhn_cropped'). Of several
            versions the newest is read.
        split: as the copy calls it: 'train', 'test', 'validation', ...

    Returns:
        A `DataSet` in the order of `records`; its labels are None where the copy has none or marks
        them all as unknown (-1).

    Raises:
        UserError: several configs, so that the name does not say which; no such split; a file is
            missing or damaged; a package is missing; images that are not squares of one size, or
            more than `dataset.MEMORY` bytes of them: `prepare` can read those.
    """
    copy = find(data_dir, name, split)
    if copy is None:
        return None
    _check_fit(copy, name)
    images = np.empty((copy.count, *copy.shape), np.uint8)
    labels = np.empty(copy.count, np.int32)
    for n, (image, label) in enumerate(_records(copy)):
        images[n], labels[n] = image, -1 if label is None else label
    if (labels < 0).all():
        return DataSet(images, None, 0, name)
    if (labels < 0).any():
        raise UserError(f"some images of '{split}' in {copy.folder} have no label", DATA)
    return DataSet(images, labels, copy.num_classes, name)


def records(
    data_dir: str | Path, name: str, split: str, *, size: int | None = None
) -> Iterator[Labelled] | None:
    """The images of a split one by one, however many and large they are; None without a copy.

    The order is that of the files' numbers and, within a file, of its records; it is the same in
    both formats. One image is decoded at a time. `find` tells how many there are.

    Args:
        data_dir, name, split: as for `read`, whose limits on the images do not apply here.
        size: side of the square in the middle, resized by `resize`; None leaves the images as they
            are stored. Of celeb_a the 160×160 in the middle is taken, as from its archive.

    Returns:
        An iterator of (image uint8 [H, W, C], label or None).

    Raises:
        UserError: as `find`; or, from the iterator, a file is damaged.
    """
    copy = find(data_dir, name, split)
    if copy is None:
        return None
    return _records(copy, size, CROPS.get(name) if size else None)


def _records(copy: Copy, size: int | None = None, crop: int | None = None) -> Iterator[Labelled]:
    return decoded(copy.shards, copy.frames, *copy.features, size=size, crop=crop)


def splits(data_dir: str | Path, name: str) -> list[str]:
    """The names of the splits of the copy, as `read` takes them; none where there is no copy."""
    folder = _folder(Path(data_dir), name)
    ours = {theirs: split for (of, split), theirs in SPLITS.items() if of == name}
    return [ours.get(split, split) for split in _described(folder).splits] if folder else []


def find(data_dir: str | Path, name: str, split: str) -> Copy | None:
    """A split of the copy of that name, described; the arguments and errors are those of `read`."""
    folder = _folder(Path(data_dir), name)
    if folder is None:
        return None
    info = _described(folder)
    if info.name != _theirs(name).partition('/')[0]:
        raise UserError(f"{folder} holds a copy of '{info.name}', not of '{name}'", DATA)
    image, label = _features(folder, info)
    part = info.splits.get(SPLITS.get((name, split), split))
    if part is None:
        has = ', '.join(f"'{s}'" for s in info.splits) or 'no splits'
        raise UserError(f"the copy in {folder} has no split '{split}': it has {has}", MISSING)
    if not part.num_examples:
        raise UserError(f"the split '{split}' of the copy in {folder} holds no images", DATA)
    frames = frames_of(info.file_format.value, folder)
    shards = tuple((Path(f), n) for f, n in zip(part.filepaths, part.shard_lengths, strict=True))
    for path, _ in shards:
        if not path.is_file():
            raise UserError(
                f'{path} is missing: copy it there or prepare the data set again', MISSING
            )
    classes = label.num_classes if label else 0
    return Copy(folder, part.num_examples, image.shape, classes, shards, frames, (image, label))


# Which folder ------------------------------------------------------------------------------------


def _theirs(name: str) -> str:
    return THEIRS.get(name, name)


def _folder(data_dir: Path, name: str) -> Path | None:
    """The folder of the newest version of the only config; None where there is none."""
    if name in SIDEWAYS:
        return None
    if is_copy(data_dir):
        return data_dir
    top = data_dir / _theirs(name)
    homes = (top, *sorted(top.iterdir())) if top.is_dir() else ()
    found = [newest for home in homes if (newest := _newest(home))]
    if len(found) > 1:
        raise UserError(
            f"there are several copies of '{name}', {', '.join(map(str, found))}: run `python -m "
            f'gan_jax.prepare --dataset={name} --source=FOLDER --size=N` with the one that you mean'
        )
    return found[0] if found else None


def is_copy(folder: Path) -> bool:
    """Whether the folder is that of one version of a copy."""
    return all((folder / file).is_file() for file in FILES)


def _newest(home: Path) -> Path | None:
    versions = home.glob('*.*.*') if home.is_dir() else ()
    numbered = [v for v in versions if re.fullmatch(r'\d+\.\d+\.\d+', v.name) and is_copy(v)]
    return max(numbered, key=lambda v: [int(n) for n in v.name.split('.')], default=None)


# What is in it -----------------------------------------------------------------------------------


def _described(folder: Path) -> Any:
    """What tensorflow-datasets makes of the two JSON files: its `DatasetInfo`."""
    try:
        import tensorflow_datasets as tfds
    except ImportError as fault:
        raise UserError(
            f'reading the copy in {folder} needs tensorflow-datasets ({fault}): '
            'pip install tensorflow-datasets importlib_resources'
        ) from fault
    try:
        return tfds.builder_from_directory(folder).info
    except Exception as fault:  # whatever a damaged description makes tensorflow-datasets raise
        raise UserError(
            f'the description of the data set in {folder} is damaged ({first_line(fault)}): '
            'copy it again or prepare the data set again',
            DATA,
        ) from fault


def _features(folder: Path, info: Any) -> tuple[Any, Any | None]:
    """The features 'image' and, where it is a class, 'label'."""
    from tensorflow_datasets.core import features

    held = {**info.features} if isinstance(info.features, features.FeaturesDict) else {}
    image, label = held.get('image'), held.get('label')
    if not isinstance(image, features.Image) or image.np_dtype != np.uint8:
        raise UserError(f"the copy in {folder} has no feature 'image' of 8 bits", DATA)
    if image.shape[-1] not in (1, 3):
        raise UserError(f'the images in {folder} have {image.shape[-1]} channels, not 1 or 3', DATA)
    known = isinstance(label, features.ClassLabel) and label.num_classes
    return image, label if known else None


def _check_fit(copy: Copy, name: str) -> None:
    """Raises unless the images are squares of one size that fit in memory."""
    height, width, channels = copy.shape
    if height is None or width is None:
        why = 'of mixed sizes'
    elif height != width:
        why = f'that are not square ({height}x{width})'
    elif (size := copy.count * height * width * channels) > MEMORY:
        why = f'of {size / 1e9:.1f} GB, too many to decode into memory'
    else:
        return
    raise UserError(
        f'the copy in {copy.folder} holds images {why}: run `python -m gan_jax.prepare '
        f'--dataset={name} --source={copy.folder} --size=N` once',
        DATA,
    )
