"""Any folder, zip or tar of images as a data set.

Class sub-folders make the labels, in the sorted order of their names, with 2 before 10; all images
in one folder have no labels. Folders that all images share count for nothing (`photos/cat/1.png`
beside `photos/dog/1.png` has the classes cat and dog). If the highest folders are 'train' and
others of `layout.SPLITS`, they are the splits. Labels in a dataset.json, as StyleGAN's tools write
it, take precedence over folders. The images come sorted by name.
"""

from collections.abc import Iterator, Sequence, Sized
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gan_jax.data import classes
from gan_jax.data.damage import naming
from gan_jax.data.pictures import decode, depth, stylegan
from gan_jax.data.pictures.bad import Bad
from gan_jax.data.pictures.layout import Layout, make_layout
from gan_jax.data.pictures.listing import Listing, listing, reopened
from gan_jax.data.pieces import Content, Piece, no_split
from gan_jax.data.resize import Size, pair, shown_size
from gan_jax.runtime.errors import DATA, MISSING, UserError
from gan_jax.runtime.paths import ends_with, shown

ANY_SIZE = 8  # of images that are decoded only to find errors


class Scan(NamedTuple):
    """The result of reading the headers of all images.

    Attributes:
        shape: [H, W, C] of the data set's images.
        notes: sentences for the user.
        fault: a sentence if images differ in size and none was given, else ''.
    """

    shape: tuple[int, int, int]
    notes: tuple[str, ...]
    fault: str


def open_folder(
    path: Path, size: Size | None, max_bad: int = 0, background: str = '', split: str = ''
) -> tuple[Content, tuple[int, int, int]]:
    """The content of a folder, zip or tar, and [H, W, C] of its images, which are not yet decoded.

    Args:
        path: of the folder or archive.
        size: of the images: the largest part of its proportions in the middle, resized. None takes
            them as they are, if all are of one size.
        max_bad: how many images may be refused and left out.
        background: a colour that transparent images are laid over, see `decode.pixels`.
        split: the one that is decoded; '' decodes all.

    Raises:
        UserError: no such path or split, no images, images both in and beside class folders, sizes
            that need a `size`; and, at the end of the pieces, all images that are refused (see
            `decode`), by their names.
    """
    with listing(path) as files:
        names, layout = _arranged(files, path)
        if split and split not in layout.splits:
            raise no_split(path, split, layout.splits)
        bad = Bad(path, len(names), max_bad)
        scan = _scan(files, names, path, size, bad)
    if scan.fault:  # reported together with the images that are refused
        for _ in _pieces(path, files, layout, scan.shape, ANY_SIZE, bad, background):
            pass
        bad.check(scan.fault)
    notes = files.notes + layout.notes + scan.notes + _empty_note(path, layout)
    notes += _left_out_notes(path, {*files.names} - {*names})
    asked = layout._replace(splits={split: layout.splits[split]}) if split else layout
    pieces = _checked(_pieces(path, files, asked, scan.shape, size, bad, background), bad)
    count, labels = len(names) - len(bad), layout.labels
    content = Content(
        pieces, labels.num_classes, count, notes, labels.class_names, left_out=bad.left_out
    )
    return content, scan.shape


def survey(path: Path) -> Layout:
    """The splits and classes of the images of a folder, zip or tar; no image is opened.

    Raises:
        UserError: as `open_folder`, of the path and the names.
    """
    with listing(path) as files:
        return _arranged(files, path)[1]


def _arranged(files: Listing, path: Path) -> tuple[list[str], Layout]:
    """The names of the images, and their layout."""
    names = decode.images_of(files.names)
    if not names:
        endings = ', '.join((*decode.SUFFIXES, *decode.TIFF))
        raise UserError(f'{path} holds no images: put some there, {endings}', MISSING)
    return names, make_layout(names, path, stylegan.labels(files, names, path))


def _left_out_notes(path: Path, others: set[str]) -> tuple[str, ...]:
    """Sentences about the files that are taken for no images: TIFFs beside images, and others."""
    tiffs = {name for name in others if ends_with(name, *decode.TIFF)}
    rest = {n for n in others - tiffs if n.rpartition('/')[2] != stylegan.NAME}
    notes = ()
    if tiffs:
        notes += (
            f'{path}: {_numbered(tiffs, "TIFF is", "TIFFs are")} left out, such as '
            f'{shown(min(tiffs))}, as there are images of other formats: save as PNG what is to '
            'be read',
        )
    if rest:
        files = _numbered(rest, 'other file is', 'other files are')
        notes += (f'{path}: {files} left out, such as {shown(min(rest))}',)
    return notes


def _numbered(things: Sized, one: str, several: str) -> str:
    """The number of things and the words that follow it: '1 image is', '2 images are'."""
    return f'{len(things)} {one if len(things) == 1 else several}'


def _empty_note(path: Path, layout: Layout) -> tuple[str, ...]:
    labels = layout.labels
    if not labels.num_classes:
        return ()
    train = np.array([labels.of[n] for n in layout.splits['train'] if n in labels.of], np.int32)
    if not len(train):
        return ()
    return classes.empty_note(path, train, labels.num_classes, labels.class_names)


def _scan(files: Listing, names: Sequence[str], path: Path, size: Size | None, bad: Bad) -> Scan:
    grey, deep, first, fault = [], [], None, ''
    for name in names:
        header = bad.tried(name, _header, files, name, path)
        if header is None:
            continue
        if header.grey:
            grey.append(name)
        if header.deep:
            deep.append(name)
        if size is None:
            first = first or (name, header)
            fault = fault or _size_fault(path, first, (name, header))
    good = len(names) - len(bad)
    if not good:
        bad.check()
    channels = 1 if len(grey) == good else 3
    notes = ()
    if grey and channels == 3:
        images = _numbered(grey, 'image is grey and becomes', 'images are grey and become')
        notes += (f'{path}: {images} colour, such as {shown(grey[0])}',)
    if deep:
        images = _numbered(deep, 'image has', 'images have')
        notes += (f'{path}: {images} {depth.NOTE}, such as {shown(deep[0])}',)
    height, width = pair(size) if size is not None else (first[1].height, first[1].width)
    return Scan((height, width, channels), notes, fault)


def _header(files: Listing, name: str, path: Path) -> decode.Header:
    place = f'{path}: {name}'
    with naming(place), files.open(name) as file:
        return decode.header(file, place)


def _size_fault(
    path: Path, first: tuple[str, decode.Header], this: tuple[str, decode.Header]
) -> str:
    if first[1][:2] == this[1][:2]:
        return ''
    a, b = (f'{shown(name)} with {h.height}x{h.width}' for name, h in (first, this))
    return (
        f'{path} holds images of different sizes, {a} and {b}: give the size that all are cropped '
        'and resized to (--size=N or --size=HEIGHTxWIDTH, in a config data.size)'
    )


def _checked(pieces: Iterator[Piece], bad: Bad) -> Iterator[Piece]:
    """The pieces; raises at their end if too many images were refused."""
    yield from pieces
    bad.check()


def _pieces(
    path: Path,
    files: Listing,
    layout: Layout,
    shape: Sequence[int],
    size: Size | None,
    bad: Bad,
    background: str,
) -> Iterator[Piece]:
    """The images that are not refused, and their labels; refused images are added to `bad`."""

    def pixels(file, place, name):
        def decoded():
            image = decode.pixels(file, place, channels=shape[2], size=size, background=background)
            if size is None and image.shape != shape:  # a few formats say so only with the pixels
                raise UserError(
                    f'{shown(place)} is turned by its EXIF orientation and has '
                    f'{shown_size(image.shape[:2])} pixels, unlike others: save it as it is shown',
                    DATA,
                )
            return image

        return bad.tried(name, decoded)

    with reopened(path, files) as files:
        of = layout.labels.of
        for split, names in layout.splits.items():
            for images in decode.in_chunks(_contents(files, names, path, bad), pixels):
                yield Piece(split, 'images', images)
            labels = [of[n] for n in names if n in of and n not in bad]
            if labels:
                kind = np.float32 if isinstance(labels[0], tuple) else np.int32
                yield Piece(split, 'labels', np.array(labels, kind))


def _contents(files: Listing, names: Sequence[str], path: Path, bad: Bad):
    """(content, name in errors, name) of each image that is not refused yet."""

    def content(name, place):
        with naming(place), files.open(name) as file:
            return decode.in_memory(file, place)

    for name in names:
        place = f'{path}: {name}'
        if name not in bad and (found := bad.tried(name, content, name, place)) is not None:
            yield found, place, name
