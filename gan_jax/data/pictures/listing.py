"""The files of a folder, a zip or a tar, by name: one way to list and open all three."""

import contextlib
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from gan_jax.data.damage import reading
from gan_jax.data.disk import check_regular, opened, shown
from gan_jax.data.pictures import decode
from gan_jax.errors import DATA, MISSING, UserError

STRAY = 1_000_000  # files and folders that are no images: more, and more than
STRAY_EACH = 10  # for each image, are no folder of images
HIDDEN = ('.', '__MACOSX')  # how a name begins that is left out


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
        UserError: there is no such path, it is something else or damaged, it holds a name twice, or
            it is a folder that cannot be listed to its end or holds hardly any images.
    """
    if not path.exists():
        raise UserError(f'{path} does not exist: check the path', MISSING)
    if path.is_dir():
        yield Listing(_sorted(_walk(path), path), lambda name: opened(path / name))
        return
    check_regular(path)
    if path.suffix == '.tar':
        with reading(path) as file, tarfile.open(fileobj=file, mode='r:') as archive:
            files = [m for m in archive if m.isreg() and not m.issparse()]
            by_name = {m.name.removeprefix('./'): m for m in files}
            names = _sorted((m.name.removeprefix('./') for m in files), path)
            yield Listing(names, lambda name: archive.extractfile(by_name[name]))
    elif path.suffix != '.zip':
        raise UserError(f'{path} is no folder, .zip, .tar or .npz of images: check the path', DATA)
    else:
        with reading(path) as file, zipfile.ZipFile(file) as archive:
            names = _sorted((i.filename for i in archive.infolist() if not i.is_dir()), path)
            yield Listing(names, archive.open)


def _walk(folder: Path) -> Iterator[str]:
    """The names of all files below; links to folders are not entered.

    Ends with a sentence where the folder is a whole system and no place for images: it holds what
    the kernel makes up, as /proc, or too many other things.
    """
    waiting, images, others = [''], 0, 0
    device = folder.stat().st_dev
    while waiting:
        place = waiting.pop()
        files, folders = _entries(folder, place, device)
        waiting += [f'{place}{name}/' for name in folders]
        yield from (f'{place}{name}' for name in files)
        of_images = sum(name.lower().endswith(decode.SUFFIXES) for name in files)
        images += of_images
        others += len(files) + len(folders) - of_images
        if others > max(STRAY, STRAY_EACH * images):
            raise UserError(
                f'{folder} holds more than {STRAY:,} files and folders that are no images: give '
                'the folder that holds the images alone',
                DATA,
            )


def _entries(folder: Path, place: str, device: int) -> tuple[list[str], list[str]]:
    """The names of the files and of the folders in one place below the folder."""
    files, folders = [], []
    try:
        with os.scandir(os.path.join(folder, place)) as entries:
            for entry in entries:
                if entry.name.startswith(HIDDEN):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    _check_kept(entry, folder, device)
                    folders.append(entry.name)
                elif not _leads_to_folder(entry):
                    files.append(entry.name)
    except OSError as error:
        raise UserError(
            f'{shown(folder)}: the folder {shown(place)[:200]} in it cannot be listed '
            f'({error.strerror}): make it readable or move it away',
            DATA,
        ) from error
    return files, folders


def _check_kept(entry: os.DirEntry, folder: Path, device: int) -> None:
    """Raises where another file system begins that keeps nothing: it has no blocks, as /proc."""
    elsewhere = entry.stat(follow_symlinks=False).st_dev != device
    if elsewhere and os.statvfs(entry.path).f_blocks == 0:
        raise UserError(
            f'{folder} holds {shown(entry.path)}, which is no folder on a disk: give the folder '
            'that holds the images alone',
            DATA,
        )


def _leads_to_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, which is for who opens it
        return False


def _sorted(names: Iterable[str], path: Path) -> tuple[str, ...]:
    kept = [n for n in names if not any(p.startswith(HIDDEN) for p in n.split('/'))]
    if len(set(kept)) < len(kept):
        raise UserError(f'{path} holds two files of one name: pack it again', DATA)
    # By parts, so that a folder's files stay together: 'a b/1' comes after 'a/2'.
    return tuple(sorted(kept, key=lambda name: name.split('/')))
