"""The files that --source names: found, checked, and opened as images and labels."""

import hashlib
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax.data.archives.download import download, sha256_of
from gan_jax.data.archives.table import ARCHIVES, FOLDERS, File, Shape
from gan_jax.data.pictures.folder import open_folder, survey
from gan_jax.data.pictures.listing import listing
from gan_jax.data.pictures.npz import open_npz
from gan_jax.data.pieces import Content, no_split
from gan_jax.data.resize import Size
from gan_jax.data.tfds import copies
from gan_jax.data.tfds.contents import open_copy
from gan_jax.runtime.errors import DATA, MISSING, UserError
from gan_jax.runtime.paths import ends_with, expanded, shown

Records = Sequence[Mapping[str, Any]]  # of `record`


def is_path(name: str) -> bool:
    """True if the name of a data set is a path of images."""
    return '/' in name or ends_with(name, '.zip', '.npz', '.tar')


def absolute(name: str) -> str:
    """The name of a data set; a path is made absolute."""
    return os.path.abspath(expanded(name)) if is_path(name) else name


def place_of(name: str, data_dir: str | Path | None) -> Path:
    """The existing path of images: by its last part in `data_dir`, else as it is given.

    So a folder that was moved is found by the folder that it lies in now.

    Raises:
        UserError: neither is there (66).
    """
    path = Path(absolute(name))
    moved = [Path(absolute(f'{data_dir}/{path.name}'))] if data_dir and path.name else []
    for place in (*moved, path):
        if place.exists():
            return place
    neither = ''.join(f', nor does {place}' for place in moved)
    advice = 'give the folder that it lies in now by --data_dir=DIR'
    if moved and moved[0].parent.name == path.name:  # data_dir is the folder of images itself
        advice = f'give --data_dir={moved[0].parent.parent}, the folder that it lies in'
    raise UserError(
        f'{path} does not exist{neither}: check the path, or where {shown(path.name)} was moved '
        f'{advice}',
        MISSING,
    )


def open_images(
    path: Path, size: Size | None, max_bad: int = 0, background: str = '', split: str = ''
) -> tuple[Content, Shape]:
    """The content of a folder, zip, tar or npz of images, and [H, W, C] of its images.

    Arguments and errors as of `open_folder`.
    """
    if ends_with(path, '.npz'):
        _refuse_max_bad(path, max_bad)
        if split not in ('', 'train'):
            raise no_split(path, split, ['train'])
        return open_npz(path)
    return open_folder(path, size, max_bad, background, split)


class Overview(NamedTuple):
    """The number of images in each split, and the number of classes; 0 without labels."""

    counts: Mapping[str, int]
    num_classes: int


def overview_of(path: Path) -> Overview:
    """The overview of a folder, zip, tar or npz of images; no image is opened."""
    if ends_with(path, '.npz'):
        content, _ = open_npz(path)
        return Overview({'train': content.count}, content.num_classes)
    layout = survey(path)
    return Overview(
        {s: len(names) for s, names in layout.splits.items()}, layout.labels.num_classes
    )


def _refuse_max_bad(source: object, max_bad: int) -> None:
    if max_bad:
        raise UserError(
            f'--max_bad is for a folder, .zip or .tar of images, and {source} is none: leave it out'
        )


def find(name: str, source: str) -> dict[str, Path]:
    """The paths that --source names, by the published names of an archive data set's files.

    Args:
        name: of the data set.
        source: a copy of tensorflow-datasets, or images: the result has their path under ''. For an
            archive data set one file, the files with commas between them, or a folder that holds
            them. The only file of a data set may have any name; several files have their published
            names, from which '.gz' may be missing.

    Raises:
        UserError: a path does not exist, or a file is missing.
    """
    several = name in ARCHIVES and not Path(source).exists()
    given = [expanded(p) for p in (source.split(',') if several else [source])]
    for path in given:
        if not path.exists():
            raise UserError(f'--source: {path} does not exist: check the path', MISSING)
    if copy := copies.folder_of(given[0], name):
        return {'': copy}
    if name not in ARCHIVES:
        return {'': given[0]}
    files = ARCHIVES[name].files
    if len(files) == len(given) == 1 and given[0].is_file():
        return {files[0].name: given[0]}
    near = [p for g in given for p in (sorted(g.iterdir()) if g.is_dir() else [g])]
    by_name = {path.name: path for path in near}
    found = {f.name: by_name.get(f.name) or by_name.get(f.name.removesuffix('.gz')) for f in files}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise UserError(
            f"--source={source} lacks {', '.join(missing)}, which '{name}' is made from: give the "
            'folder that holds all its files, or their paths with commas between them',
            MISSING,
        )
    return found


def open_source(
    name: str,
    paths: Mapping[str, Path],
    size: Size | None,
    max_bad: int = 0,
    background: str = '',
) -> Content:
    """The content of the paths that `find` or `fetch` gave; files are read with the pieces.

    Args:
        name: of the data set.
        paths: of its files.
        size: of the images, or None.
        max_bad: how many images of a folder or archive of images may be refused and left out.
        background: a colour that transparent ones are laid over, see `decode.pixels`.
    """
    if '' not in paths:
        _refuse_max_bad(f"the source of '{name}'", max_bad)
        archive = ARCHIVES[name]
        if archive.photographs and size is None:
            raise UserError(f"the images of '{name}' come in many sizes: give --size=64, say")
        names = archive.class_names
        if archive.read_class_names:
            found = archive.read_class_names(paths)
            # A part of the archive has fewer classes, and the names would not fit the labels.
            names = found if len(found) == archive.num_classes else None
        return Content(archive.read(paths, size), archive.num_classes, class_names=names)
    if copies.is_copy(paths['']):
        _refuse_max_bad(paths[''], max_bad)
        return open_copy(paths[''], size, name)[0]
    if name in FOLDERS:
        return FOLDERS[name](paths[''], size, max_bad)[0]
    return open_images(paths[''], size, max_bad, background)[0]


def record(path: Path) -> dict[str, Any]:
    """A source in info.json: its name, its bytes and a SHA-256.

    A folder's SHA-256 is over the names and sizes of its files, which is no proof but soon made.
    """
    if not path.is_dir():
        return {'file': path.name, 'bytes': path.stat().st_size, 'sha256': sha256_of(path)}
    with listing(path) as files:
        there = {name: path / name for name in files.names if (path / name).exists()}
        sizes = {name: file.stat().st_size for name, file in there.items()}
    listed = hashlib.sha256(repr(sorted(sizes.items())).encode()).hexdigest()
    return {'folder': path.name, 'bytes': sum(sizes.values()), 'sha256_of_listing': listed}


def differing(before: Records, now: Records) -> tuple[str, str]:
    """The sources that differ between two lists of records, in words: what they were, and are."""
    pairs = [pair for pair in itertools.zip_longest(before, now) if pair[0] != pair[1]]
    was, are = (', '.join(map(_in_words, filter(None, side))) for side in zip(*pairs, strict=True))
    return was, are


def _in_words(record: Mapping[str, Any]) -> str:
    if 'folder' in record:
        digest = f'names and sizes with the SHA-256 {record["sha256_of_listing"][:8]}'
        return f'{record["folder"]} ({record["bytes"]:,} bytes of files, {digest})'
    return f'{record["file"]} ({record["bytes"]:,} bytes, SHA-256 {record["sha256"][:8]})'


def compared(name: str, paths: Mapping[str, Path], records: Records) -> list[dict[str, Any]]:
    """The records of sources; for the files of an archive data set with a comparison.

    Such a record has 'published_name' as well, and 'published', True if it is the published file.

    Raises:
        UserError: a file has the published size, but other contents: a damaged copy.
    """
    if '' in paths:
        return [*records]
    found = []
    for file, record in zip(ARCHIVES[name].files, records, strict=True):
        published = record['sha256'] == file.sha256
        if not published and record['bytes'] == file.size:
            raise UserError(
                f'{paths[file.name]} is damaged: it has the size of the published {file.name}, '
                f'but the SHA-256 {record["sha256"]} instead of {file.sha256}; get it again',
                DATA,
            )
        found.append({**record, 'published_name': file.name, 'published': published})
    return found


def fetch(
    name: str, folder: Path, progress: Callable[[File], AbstractContextManager]
) -> dict[str, Path]:
    """Downloads the files of an archive data set that are not in `folder`, and returns their paths.

    Args:
        name: of the data set.
        folder: for the files, made if needed.
        progress: file -> a context manager of a function, which is called with the number of bytes
            that have come.

    Raises:
        UserError: the publisher does not give the files out to programs, and as `download`.
    """
    if name not in ARCHIVES:
        raise UserError(
            f"there is no one archive of '{name}' to download: give a folder, .zip, .tar or .npz "
            'of its images by --source',
            MISSING,
        )
    files = ARCHIVES[name].files
    if not all(file.url for file in files):
        raise UserError(
            f"'{name}' is not given out to programs: get {', '.join(f.name for f in files)} from "
            f'{ARCHIVES[name].page} and give the folder that holds them by --source',
            MISSING,
        )
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        path = folder / file.name
        if path.exists() and path.stat().st_size == file.size:
            continue
        try:
            with progress(file) as advance:
                download(file.url, path, size=file.size, sha256=file.sha256, advance=advance)
        except UserError as error:
            raise UserError(f'{error} and give it by --source', error.status) from error
    return {file.name: folder / file.name for file in files}
