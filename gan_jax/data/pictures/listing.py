"""The files of a folder, a zip or a tar, by name: one way to list and open all three."""

import contextlib
import os
import tarfile
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from gan_jax.data.damage import reading
from gan_jax.errors import DATA, MISSING, UserError


class Listing(NamedTuple):
    """The files below one place; hidden ones and what macOS adds to zips are left out.

    Attributes:
        names: relative, '/' between folders, sorted folder by folder.
        open: a name's content, for `with`; the names are opened in any order, one at a time.
    """

    names: tuple[str, ...]
    open: Callable[[str], AbstractContextManager[BinaryIO]]


@contextlib.contextmanager
def listing(path: Path) -> Iterator[Listing]:
    """What `path`, a folder, a .zip or a .tar, holds. Nothing is unpacked.

    Raises:
        UserError: there is no such path, it is something else or damaged, or it holds a name twice.
    """
    if not path.exists():
        raise UserError(f'{path} does not exist: check the path', MISSING)
    if path.is_dir():
        yield Listing(_sorted(_walk(path), path), lambda name: (path / name).open('rb'))
    elif path.suffix == '.tar':
        with reading(path), tarfile.open(path, 'r:') as archive:
            files = [m for m in archive if m.isreg() and not m.issparse()]
            by_name = {m.name.removeprefix('./'): m for m in files}
            names = _sorted((m.name.removeprefix('./') for m in files), path)
            yield Listing(names, lambda name: archive.extractfile(by_name[name]))
    elif path.suffix != '.zip':
        raise UserError(f'{path} is no folder, .zip, .tar or .npz of images: check the path', DATA)
    else:
        with reading(path), zipfile.ZipFile(path) as archive:
            names = _sorted((i.filename for i in archive.infolist() if not i.is_dir()), path)
            yield Listing(names, archive.open)


def _walk(folder: Path) -> Iterator[str]:
    for place, _, files in os.walk(folder):
        yield from ((Path(place) / file).relative_to(folder).as_posix() for file in files)


def _sorted(names: Collection[str] | Iterator[str], path: Path) -> tuple[str, ...]:
    shown = [n for n in names if not any(p.startswith(('.', '__MACOSX')) for p in n.split('/'))]
    if len(set(shown)) < len(shown):
        raise UserError(f'{path} holds two files of one name: pack it again', DATA)
    # By parts, so that a folder's files stay together: 'a b/1' comes after 'a/2'.
    return tuple(sorted(shown, key=lambda name: name.split('/')))
