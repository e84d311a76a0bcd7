"""StyleGAN's form of a data set: numbered images in folders of a thousand, and dataset.json.

The images, `00000/img00000000.png` and so on, are squares of one size whose side is a power of two,
in a folder or in a zip without compression. dataset.json is {"labels": [["00000/img00000000.png",
6], ...]}, with a list of numbers in the place of a class where labels are vectors, or {"labels":
null} without labels. We add "class_names", which StyleGAN's own tools
ignore.
"""

import bisect
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_jax.data import classes
from gan_jax.data.damage import naming
from gan_jax.data.dataset import DataSet
from gan_jax.data.pictures.layout import Labels
from gan_jax.data.pictures.listing import Listing
from gan_jax.runtime.errors import DATA, UserError
from gan_jax.runtime.files import atomic_path, sync
from gan_jax.runtime.paths import shown

NAME = 'dataset.json'
SHARD = re.compile(r'(?:.*/)?(\d{5})/img\1\d{3}\.\w+')
LARGEST = 1 << 26  # bytes of a dataset.json: two million images


def labels(files: Listing, images: Sequence[str], path: Path) -> Labels | None:
    """The labels that dataset.json gives the images; None if their folders are the classes.

    One dataset.json lies above all images, or several lie above some each. Without any, images with
    StyleGAN's names have no labels: their folders only number the thousands.

    Args:
        files: the files of `path`.
        images: the names of the images among them.
        path: for errors.

    Raises:
        UserError: a dataset.json is damaged, leaves out an image below its folder, or gives labels
            that are no classes; or an image lies below none while others do.
    """
    places = _highest(n.removesuffix(NAME) for n in files.names if n.rpartition('/')[2] == NAME)
    by_place: dict[str | None, list[str]] = {}
    for name in images:
        by_place.setdefault(_place(name, places), []).append(name)
    if {*by_place} == {None}:
        return Labels({}, 0) if all(SHARD.fullmatch(name) for name in images) else None
    if None in by_place:
        place = next(place for place in by_place if place is not None)
        raise UserError(
            f'{path} holds {shown(by_place[None][0])}, and {shown(place)}{NAME} has no label for '
            'it: put one beside each folder of images, or none',
            DATA,
        )
    return _joined([_read(files, place, names, path) for place, names in by_place.items()], path)


def _highest(places: Iterable[str]) -> list[str]:
    """The places, 'a/b/' or '', that lie in no other one, sorted."""
    found: list[str] = []
    for place in sorted(places):
        if not (found and place.startswith(found[-1])):
            found.append(place)
    return found


def _place(name: str, places: Sequence[str]) -> str | None:
    """The place, of those from `_highest`, that a file lies in or below, if any."""
    # No place is the beginning of another, so that only the last place before the name can hold it.
    before = bisect.bisect(places, name)
    return places[before - 1] if before and name.startswith(places[before - 1]) else None


def _joined(found: Sequence[Labels], path: Path) -> Labels:
    named = {labels.class_names for labels in found if labels.class_names}
    if len(named) > 1:
        raise UserError(f'{path}: its {NAME} give the classes several names: choose some', DATA)
    of = {name: label for labels in found for name, label in labels.of.items()}
    if len({len(one) if isinstance(one, tuple) else 0 for one in of.values()}) > 1:
        raise UserError(
            f'{path}: its {NAME} give labels of several forms: give all images a class, or label '
            'vectors of one length',
            DATA,
        )
    return Labels(of, max(labels.num_classes for labels in found), *named)


def _read(files: Listing, place: str, images: Sequence[str], path: Path) -> Labels:
    name = f'{path}: {place}{NAME}'
    with naming(name), files.open(f'{place}{NAME}') as file:
        content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise UserError(f'{shown(name)} has more than {LARGEST} bytes: leave it out', DATA)
        said = json.loads(content)
    if not isinstance(said, dict) or 'labels' not in said:
        raise _fault(name, "has no 'labels'", 'leave it out where the folders are the classes')
    if said['labels'] is None:
        return Labels({}, 0)
    by_name = _by_name(name, said['labels'], {image.removeprefix(place) for image in images})
    numbers, count = _numbers(name, by_name)
    class_names = _class_names(name, said.get('class_names'), count)
    of = {f'{place}{image}': number for image, number in numbers.items()}
    return Labels(of, len(class_names) if class_names else count, class_names)


def _by_name(name: str, entries: Any, images: set[str]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    if not isinstance(entries, list):
        raise _fault(name, "has 'labels' that are no list of [name, class]")
    for entry in entries:
        if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str)):
            raise _fault(name, f"has 'labels' with {_said(entry)} in the place of [name, class]")
        image = entry[0].replace('\\', '/')
        if image in found:
            raise _fault(name, f'has two labels for {shown(image)}')
        if image not in images:
            raise _fault(name, f'has a label for {shown(image)}, and there is no such image')
        found[image] = entry[1]
    if missing := images - found.keys():
        raise _fault(name, f'has no label for {len(missing)} images, such as {shown(min(missing))}')
    return found


def _numbers(name: str, by_name: Mapping[str, Any]) -> tuple[Mapping[str, Any], int]:
    """The class of each image, and how many classes there are; or label vectors, and 0."""
    if all(type(label) is int for label in by_name.values()):
        least, most = min(by_name.values()), max(by_name.values())
        if not 0 <= least <= most < classes.MOST:
            wrong = least if least < 0 else most
            range_ = f'classes count from 0 and stay below {classes.MOST:,}'
            raise _fault(name, f'has a label {_said(wrong)}', range_)
        return by_name, most + 1
    width = len(first) if isinstance(first := next(iter(by_name.values())), list) else 0
    if width and all(_is_vector(label, width) for label in by_name.values()):
        hot = all(sorted(label) == [0] * (width - 1) + [1] for label in by_name.values())
        if not hot:
            return {image: tuple(label) for image, label in by_name.items()}, 0
    for image, label in by_name.items():
        hot = isinstance(label, list) and len(label) == width and label.count(1) == 1
        if not hot or label.count(0) != width - 1:
            raise _fault(
                name,
                f'gives {shown(image)} the label {_said(label)}, which is no class',
                'a label is a number from 0 on, or for all images a list of as many numbers',
            )
    return {image: label.index(1) for image, label in by_name.items()}, width


def _is_vector(label: Any, width: int) -> bool:
    """True of a list of that many finite numbers."""
    numbers = isinstance(label, list) and len(label) == width
    return numbers and all(type(n) in (int, float) and abs(n) < 1e38 for n in label)


def _class_names(name: str, said: Any, count: int) -> tuple[str, ...] | None:
    if said is None:
        return None
    if not (isinstance(said, list) and all(isinstance(word, str) for word in said)):
        raise _fault(name, "has 'class_names' that are no list of texts")
    if len(said) < count:
        raise _fault(name, f'names {len(said)} of {count} classes')
    if len({*said}) < len(said):
        raise _fault(name, 'gives two classes one name')
    return tuple(said)


def _said(value: Any) -> str:
    return shown(json.dumps(value))[:80]


def _fault(name: str, what: str, advice: str = 'repair it or leave it out') -> UserError:
    return UserError(f'{shown(name)} {what}: {advice}', DATA)


# Writing -----------------------------------------------------------------------------------------


def write(
    path: Path, dataset: DataSet, advance: Callable[[int], None] = lambda count: None
) -> None:
    """Writes a data set as a zip that StyleGAN's tools read; the zip is complete or absent.

    The same data set gives the same bytes.

    Args:
        path: of the zip, in a folder that exists.
        dataset: its images are squares whose side is a power of two.
        advance: called with the number of images that were just written.

    Raises:
        UserError: images of other sides.
    """
    _check_sides(dataset)
    entries = []
    with atomic_path(path) as partial:
        with zipfile.ZipFile(partial, 'w', zipfile.ZIP_STORED) as archive:
            for number, image in enumerate(dataset.images):
                name = f'{number:08d}'
                name = f'{name[:5]}/img{name}.png'
                archive.writestr(zipfile.ZipInfo(name), _png(image))
                if dataset.labels is not None:
                    entries.append([name, int(dataset.labels[number])])
                elif dataset.vectors is not None:
                    row = dataset.vectors.rows[number]
                    entries.append([name, dataset.vectors.table[row].tolist()])
                advance(1)
            said: dict[str, Any] = {'labels': entries or None}
            if dataset.class_names:
                said['class_names'] = dataset.class_names
            archive.writestr(zipfile.ZipInfo(NAME), json.dumps(said))
        sync(partial)
    sync(path.parent)


def _check_sides(dataset: DataSet) -> None:
    """Refuses images whose size StyleGAN's tools do not take, by a `UserError`."""
    height, width = dataset.images.shape[1:3]
    if height != width or height & (height - 1):
        below = 1 << (min(height, width).bit_length() - 1)
        raise UserError(
            f"StyleGAN's tools take squares whose side is a power of two, and the images of "
            f"'{dataset.name}' have {height}x{width} pixels: give --size={below} or "
            f'--size={2 * below}'
        )


def _png(image: np.ndarray) -> bytes:
    """uint8 [H, W, 1 or 3] as a PNG without compression."""
    file = io.BytesIO()
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, 'PNG', compress_level=0)
    return file.getvalue()
