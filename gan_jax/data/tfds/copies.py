"""Copies of tensorflow-datasets: their folders and their descriptions.

A copy lies in `DATA_DIR/<name>[/<config>]/<version>/`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.data.archives.faces import CROP
from gan_jax.data.tfds.records import Copy, frames_of
from gan_jax.runtime import environment
from gan_jax.runtime.errors import DATA, MISSING, UserError, first_line
from gan_jax.runtime.paths import opened

# Our name -> theirs, where they differ; any other name stands for itself.
THEIRS = {
    'svhn': 'svhn_cropped',
    'imagenet': 'imagenet2012',
    'imagenet32': 'imagenet_resized/32x32',
    'imagenet64': 'imagenet_resized/64x64',
}
# Splits that have another name here, the same as in the readers of the archives.
SPLITS = {('imagenet32', 'test'): 'validation', ('imagenet64', 'test'): 'validation'}
SIDEWAYS = {'emnist'}  # not read: the copy's images are transposed, ours stand upright
CROPS = {'celeb_a': CROP}  # the square that is cut out before an image is resized
FILES = ('dataset_info.json', 'features.json')
# Keys of features.json whose values tensorflow-datasets imports, and what it may import.
CLASS, THEIR_CODE = ('pythonClassName', 'python_class_name', 'type'), 'tensorflow_datasets.'


def splits(data_dir: str | Path, name: str) -> list[str]:
    """The names of the splits of the copy, as `find` takes them; [] if there is no copy."""
    folder = folder_of(data_dir, name)
    ours = {theirs: split for (of, split), theirs in SPLITS.items() if of == name}
    return [ours.get(split, split) for split in _described(folder).splits] if folder else []


def find(data_dir: str | Path, name: str, split: str) -> Copy | None:
    """A split of the copy of that name, described but not read; None if there is no copy.

    Args:
        data_dir: the data folder of tensorflow-datasets, or the folder of one version.
        name: our name of the data set ('svhn', 'imagenet32') or theirs ('svhn_cropped'). Of several
            versions the newest is taken.
        split: the copy's name of it: 'train', 'test', 'validation', ...

    Raises:
        UserError: several configs, between which the name does not decide; a copy of another data
            set; no such split, or an empty one; a file or a package is missing; images that are not
            of 8 bits with 1 or 3 channels.
    """
    folder = folder_of(data_dir, name)
    if folder is None:
        return None
    info = _described(folder)
    if info.name != THEIRS.get(name, name).partition('/')[0]:
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
    crop = CROPS.get(name)
    return Copy(folder, part.num_examples, classes, shards, frames, image, label, crop)


# The folder --------------------------------------------------------------------------------------


def folder_of(data_dir: str | Path, name: str) -> Path | None:
    """The folder of the newest version of the only config; None if there is none."""
    data_dir = Path(data_dir)
    if name in SIDEWAYS:
        return None
    if is_copy(data_dir):
        return data_dir
    top = data_dir / THEIRS.get(name, name)
    homes = (top, *sorted(top.iterdir())) if top.is_dir() else ()
    found = [newest for home in homes if (newest := _newest(home))]
    if len(found) > 1:
        raise UserError(
            f"there are several copies of '{name}', {', '.join(map(str, found))}: run `python -m "
            f'gan_jax.prepare --dataset={name} --source=FOLDER --size=N` with the one that you mean'
        )
    return found[0] if found else None


def is_copy(folder: Path) -> bool:
    """True if the folder holds one version of a copy."""
    return all((folder / file).is_file() for file in FILES)


def _newest(home: Path) -> Path | None:
    versions = home.glob('*.*.*') if home.is_dir() else ()
    numbered = [v for v in versions if re.fullmatch(r'\d+\.\d+\.\d+', v.name) and is_copy(v)]
    return max(numbered, key=lambda v: [int(n) for n in v.name.split('.')], default=None)


# The description ---------------------------------------------------------------------------------


def _described(folder: Path) -> Any:
    """The `DatasetInfo` of tensorflow-datasets, built from the two JSON files."""
    try:
        import tensorflow_datasets as tfds
    except ImportError as fault:
        raise UserError(
            f'reading the copy in {folder} needs tensorflow-datasets ({fault}): '
            f'{environment.install_packages("tensorflow-datasets", "importlib_resources")}'
        ) from fault
    try:
        _refuse_code(folder)
        return tfds.builder_from_directory(folder).info
    except Exception as fault:  # whatever a damaged description makes tensorflow-datasets raise
        raise UserError(
            f'the description of the data set in {folder} is damaged ({first_line(fault)}): '
            'copy it again or prepare the data set again',
            DATA,
        ) from fault


def _refuse_code(folder: Path) -> None:
    """Refuses a copy whose description names somebody's code, which would be imported."""
    with opened(folder / 'features.json') as file:
        described = json.load(file)
    for name in _classes(described):
        if '.' in name and not name.startswith(THEIR_CODE):
            raise ValueError(f"it names the code '{name}', which is not run")


def _classes(described: Any) -> Iterator[str]:
    """The names of classes in JSON. Strings in it may be JSON again, and are searched as well."""
    if isinstance(described, str):
        try:
            described = json.loads(described)
        except ValueError:
            return
    if isinstance(described, dict):
        yield from (described[key] for key in CLASS if isinstance(described.get(key), str))
    if isinstance(described, dict | list):
        for value in described.values() if isinstance(described, dict) else described:
            yield from _classes(value)


def _features(folder: Path, info: Any) -> tuple[Any, Any | None]:
    """The features 'image' and 'label'; the latter is None if it is no class."""
    from tensorflow_datasets.core import features

    found = {**info.features} if isinstance(info.features, features.FeaturesDict) else {}
    image, label = found.get('image'), found.get('label')
    if not isinstance(image, features.Image) or image.np_dtype != np.uint8:
        raise UserError(f"the copy in {folder} has no feature 'image' of 8 bits", DATA)
    if image.shape[-1] not in (1, 3):
        raise UserError(f'the images in {folder} have {image.shape[-1]} channels, not 1 or 3', DATA)
    known = isinstance(label, features.ClassLabel) and label.num_classes
    return image, label if known else None
