"""Any folder, zip or tar of images as a data set.

Class sub-folders make the labels, in sorted order of their names; all images in one folder have no
labels. Folders above all images count for nothing (`photos/cat/1.png` beside `photos/dog/1.png` has
the classes cat and dog). Where the highest folders are 'train' and others of `SPLITS`, they are the
splits. The images come sorted by name.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gan_jax.data.disk import shown
from gan_jax.data.pictures import decode
from gan_jax.data.pictures.listing import Listing, listing
from gan_jax.data.pieces import Content, Piece
from gan_jax.errors import DATA, MISSING, UserError

SPLITS = {'train', 'test', 'validation', 'valid', 'val'}


class Plan(NamedTuple):
    """Which file is which image: split -> names, label of each name ({} without labels)."""

    splits: Mapping[str, Sequence[str]]
    labels: Mapping[str, int]
    num_classes: int


class Scan(NamedTuple):
    """What the headers of all images say together."""

    shape: tuple[int, int, int]
    notes: tuple[str, ...]


def open_folder(path: Path, size: int | None) -> tuple[Content, tuple[int, int, int]]:
    """What a folder, zip or tar holds, and [H, W, C] of its images, which are not yet decoded.

    Args:
        path: of the folder or archive.
        size: side of the images: the largest square in the middle, resized. None takes them as they
            are, where all are squares of one size.

    Raises:
        UserError: no such path, no images, images below and beside class folders, sizes that need
            a `size`, or an image that is refused (see `decode`), by its name.
    """
    with listing(path) as files:
        names = [n for n in files.names if n.lower().endswith(decode.SUFFIXES)]
        if not names:
            raise UserError(
                f'{path} holds no images: put some there, {", ".join(decode.SUFFIXES)}', MISSING
            )
        plan = make_plan(names, path)
        scan = _scan(files, names, path, size)
    notes = scan.notes
    if others := [n for n in files.names if n not in set(names)]:
        notes += (f'{path}: {len(others)} other files are left out, such as {shown(others[0])}',)
    pieces = _pieces(path, plan, scan.shape[2], size)
    return Content(pieces, plan.num_classes, len(names), notes), scan.shape


def make_plan(names: Sequence[str], path: Path) -> Plan:
    """Splits and labels by the folders that the names lie in."""
    names = {name: name.split('/') for name in names}  # name -> what is left of its parts
    names = _without_common(names)
    tops = {parts[0] for parts in names.values() if len(parts) > 1}
    splits = {'train': dict(names)}
    if 'train' in tops <= SPLITS and all(len(parts) > 1 for parts in names.values()):
        splits = {top: {n: p[1:] for n, p in names.items() if p[0] == top} for top in sorted(tops)}
    inner = _without_common({n: p for split in splits.values() for n, p in split.items()})
    loose = next((n for n, p in inner.items() if len(p) == 1), None)
    classed = next((n for n, p in inner.items() if len(p) > 1), None)
    if loose and classed:
        raise UserError(
            f'{path} holds {shown(loose)} beside the class folder of {shown(classed)}: give every '
            'image a class folder, or none',
            DATA,
        )
    classes = sorted({p[0] for p in inner.values()}) if classed else []
    number = {c: i for i, c in enumerate(classes)}
    labels = {name: number[parts[0]] for name, parts in inner.items()} if classes else {}
    return Plan({s: tuple(names) for s, names in splits.items()}, labels, len(classes))


def _without_common(names: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    """Without the folders that all of them lie in."""
    folders = [parts[:-1] for parts in names.values()]
    ends = zip(min(folders), max(folders), strict=False)  # what these share, all between them do
    common = len([*takewhile(lambda pair: pair[0] == pair[1], ends)])
    return {name: parts[common:] for name, parts in names.items()}


def _scan(files: Listing, names: Sequence[str], path: Path, size: int | None) -> Scan:
    grey, first = [], None
    for name in names:
        with files.open(name) as file:
            header = decode.header(file, f'{path}: {name}')
        if header.grey:
            grey.append(name)
        if size is None:
            first = first or (name, header)
            _check_size(path, first, (name, header))
    channels = 1 if len(grey) == len(names) else 3
    notes = ()
    if grey and channels == 3:
        notes = (
            f'{path}: {len(grey)} images are grey and become colour, such as {shown(grey[0])}',
        )
    side = size or first[1].width
    return Scan((side, side, channels), notes)


def _check_size(path: Path, first: tuple[str, decode.Header], this: tuple[str, decode.Header]):
    (a, one), (b, other) = first, this
    a, b = shown(a), shown(b)
    advice = 'give the size that all are cropped and resized to (--size=N, in a config data.size)'
    if one[:2] != other[:2]:
        raise UserError(
            f'{path} holds images of different sizes, {a} with {one.width}x{one.height} and {b} '
            f'with {other.width}x{other.height}: {advice}',
            DATA,
        )
    if other.width != other.height:
        raise UserError(
            f'{path}: {b} is no square but {other.width}x{other.height}: {advice}', DATA
        )


def _pieces(path: Path, plan: Plan, channels: int, size: int | None) -> Iterator[Piece]:
    def pixels(file, name):
        return decode.pixels(file, name, channels=channels, size=size)

    with listing(path) as files:
        for split, names in plan.splits.items():
            for images in decode.in_chunks(_contents(files, names, path), pixels):
                yield Piece(split, 'images', images)
            if plan.labels:
                yield Piece(split, 'labels', np.array([plan.labels[n] for n in names], np.int32))


def _contents(files: Listing, names: Sequence[str], path: Path):
    for name in names:
        with files.open(name) as file:
            yield decode.in_memory(file, f'{path}: {name}'), f'{path}: {name}'
