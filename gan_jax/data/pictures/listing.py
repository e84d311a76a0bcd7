"""The files of a folder, a zip or a tar, by name, with one way to list and open them."""

import contextlib
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from gan_jax.data.damage import reading
from gan_jax.data.pictures import decode
from gan_jax.runtime.errors import DATA, MISSING, UserError
from gan_jax.runtime.paths import check_regular, ends_with, opened, shown

# A folder with more other files and folders than this, and more than this for each image, is no
# folder of images.
STRAY, STRAY_EACH = 1_000_000, 10
HIDDEN = ('.', '__MACOSX')  # beginnings of names that are left out


class Listing(NamedTuple):
    """The files below one place, without hidden ones and the files that macOS adds to zips.

    Attributes:
        names: relative, '/' between folders, sorted folder by folder.
        open: name -> a context manager of the file's content; in any order, one at a time.
        notes: sentences for the user.
    """

    names: tuple[str, ...]
    open: Callable[[str], AbstractContextManager[BinaryIO]]
    notes: tuple[str, ...] = ()


@contextlib.contextmanager
def listing(path: Path) -> Iterator[Listing]:
    """The files of `path`, a folder, a .zip or a .tar. Nothing is unpacked to the disk.

    Raises:
        UserError: there is no such path, it is something else or damaged, it holds a name twice, or
            it is a folder that cannot be listed to its end or holds hardly any images.
    """
    if not path.exists():
        raise UserError(f'{path} does not exist: check the path', MISSING)
    if path.is_dir():
        walk = Walk(path)
        names = _sorted(walk.names(), path)
        yield Listing(names, lambda name: opened(path / name), walk.notes())
        return
    check_regular(path)
    if ends_with(path, '.tar'):
        with reading(path) as file, tarfile.open(fileobj=file, mode='r:') as archive:
            files = [m for m in archive if m.isreg() and not m.issparse()]
            members = [(m.name, m) for m in files]
            yield _members(path, members, archive.extractfile)
    elif not ends_with(path, '.zip'):
        raise UserError(f'{path} is no folder, .zip, .tar or .npz of images: check the path', DATA)
    else:
        with reading(path) as file, zipfile.ZipFile(file) as archive:
            # Some programs of Windows write their own sign between folders.
            members = [(i.filename.replace('\\', '/'), i) for i in archive.infolist()]
            yield _members(path, [m for m in members if m[0][-1:] != '/'], archive.open)


@contextlib.contextmanager
def reopened(path: Path, files: Listing) -> Iterator[Listing]:
    """`listing(path)` again; a folder, whose files open one by one, is not walked again.

    Args:
        path: of `listing`.
        files: what it gave before.
    """
    if path.is_dir():
        yield files
        return
    with listing(path) as again:
        yield again


def _members(path: Path, members: Sequence[tuple[str, Any]], opening: Callable) -> Listing:
    """The listing of an archive whose members have these names."""
    by_name = {_plain(name): member for name, member in members}
    names = _sorted((_plain(name) for name, _ in members), path)
    return Listing(names, lambda name: opening(by_name[name]))


def _plain(name: str) -> str:
    """'a/1.png' for './a//1.png' and '/a/1.png', as archives may write it."""
    return '/'.join(part for part in name.split('/') if part not in ('', '.'))


class Walk:
    """The files below a folder and below the folders that links in it lead to, each folder once.

    Links to folders are entered after all real folders, in the order of their names. A link to a
    folder that holds it, or that has been entered already, is left out.
    """

    def __init__(self, folder: Path):
        """`folder`: the root of the walk."""
        self._folder = folder
        self._entered: set[tuple[int, int]] = set()
        self._links: list[str] = []
        self._left_out: list[str] = []
        self._empty: list[str] = []
        self._images = self._others = 0

    def names(self) -> Iterator[str]:
        """The names of all files, in any order.

        Raises:
            UserError: the folder is a whole system and not a folder of images: it holds a virtual
                file system, such as /proc, or too many other files; or a folder cannot be listed.
        """
        above = os.path.realpath(self._folder)
        yield from self._below('')
        while self._links:
            links, self._links = sorted(self._links), []
            for link in links:
                target = os.path.realpath(self._folder / link)
                if (
                    os.path.commonpath([above, target]) == target
                    or self._identity(link) in self._entered
                ):
                    self._left_out.append(link)
                else:
                    yield from self._below(f'{link}/')

    def notes(self) -> tuple[str, ...]:
        """A sentence for each kind of what was left out; call it after `names` has ended."""
        kinds = {
            'links to folders that are there already': self._left_out,
            'folders that hold nothing': self._empty,
        }
        return tuple(
            f'{self._folder}: {len(places)} {kind} are left out, such as {shown(min(places))}'
            for kind, places in kinds.items()
            if places
        )

    def _identity(self, place: str) -> tuple[int, int]:
        stat = os.stat(os.path.join(self._folder, place))
        return stat.st_dev, stat.st_ino

    def _below(self, first: str) -> Iterator[str]:
        """The names of the files in a place and in the folders below it; links are noted."""
        waiting = [first]
        while waiting:
            place = waiting.pop()
            files, folders = self._enter(place)
            waiting += [f'{place}{name}/' for name in folders]
            yield from (f'{place}{name}' for name in files)
            of_images = sum(ends_with(name, *decode.SUFFIXES, *decode.TIFF) for name in files)
            self._images += of_images
            self._others += len(files) + len(folders) - of_images
            if self._others > max(STRAY, STRAY_EACH * self._images):
                raise UserError(
                    f'{self._folder} holds more than {STRAY:,} files and folders that are no '
                    'images: give the folder that holds the images alone',
                    DATA,
                )

    def _enter(self, place: str) -> tuple[list[str], list[str]]:
        """The names of the files and of the folders in one place that has not been entered."""
        files, folders, links = [], [], len(self._links)
        try:
            device, _ = identity = self._identity(place)
            if identity in self._entered:
                return files, folders
            self._entered.add(identity)
            with os.scandir(os.path.join(self._folder, place)) as entries:
                for entry in entries:
                    if entry.name.startswith(HIDDEN):
                        continue
                    if not _leads_to_folder(entry):
                        files.append(entry.name)
                        continue
                    _check_kept(entry, self._folder, device)
                    if entry.is_symlink():
                        self._links.append(f'{place}{entry.name}')
                    else:
                        folders.append(entry.name)
        except OSError as error:
            raise UserError(
                f'{shown(self._folder)}: the folder {shown(place)[:200]} in it cannot be listed '
                f'({error.strerror}): make it readable or move it away',
                DATA,
            ) from error
        if place and not files and not folders and len(self._links) == links:
            self._empty.append(place.rstrip('/'))
        return files, folders


def _check_kept(entry: os.DirEntry, folder: Path, device: int) -> None:
    """Refuses the root of another file system without storage: it has no blocks, as /proc.

    Raises:
        UserError: the entry is one.
    """
    elsewhere = entry.stat().st_dev != device
    if elsewhere and os.statvfs(entry.path).f_blocks == 0:
        raise UserError(
            f'{folder} holds {shown(entry.path)}, which is no folder on a disk: give the folder '
            'that holds the images alone',
            DATA,
        )


def _leads_to_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: the error is raised where it is opened
        return False


def _sorted(names: Iterable[str], path: Path) -> tuple[str, ...]:
    kept = [n for n in names if not any(p.startswith(HIDDEN) for p in n.split('/'))]
    if len(set(kept)) < len(kept):
        raise UserError(f'{path} holds two files of one name: pack it again', DATA)
    # By parts, so that a folder's files stay together: 'a b/1' comes after 'a/2'.
    return tuple(sorted(kept, key=lambda name: name.split('/')))
