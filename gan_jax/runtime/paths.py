"""Paths of files to read: regular files only, home folders, printable names."""

import errno
import shutil
import stat
from pathlib import Path
from typing import BinaryIO

from gan_jax.runtime.errors import DATA, MISSING, UserError, printable

LONG = 400  # characters of a name that are shown
KINDS = {
    stat.S_IFIFO: 'a pipe',
    stat.S_IFSOCK: 'a socket',
    stat.S_IFCHR: 'a device',
    stat.S_IFBLK: 'a device',
    stat.S_IFDIR: 'a folder',
}


def check_regular(path: Path) -> None:
    """Raises unless the path leads to a regular file: opening a pipe could block for ever.

    Raises:
        UserError: the path is no regular file, or a dangling link (65).
        OSError: the path does not exist, or cannot be read.
    """
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except OSError as error:
        if not (path.is_symlink() and error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)):
            raise
        raise UserError(
            f'{shown(path)} is a link that leads nowhere: leave it out, or put the file itself '
            'there',
            DATA,
        ) from error
    if kind != stat.S_IFREG:
        raise UserError(
            f'{shown(path)} is {KINDS.get(kind, "something else")} where a file should be: leave '
            'it out, or put the file itself there',
            DATA,
        )


def expanded(path: str | Path) -> Path:
    """The path with a leading '~' or '~user' expanded.

    Raises:
        UserError: there is no such user (66).
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(
            f'{shown(path)} is in the home of nobody who is known here: write the whole path',
            MISSING,
        ) from error


def opened(path: Path) -> BinaryIO:
    """A regular file opened for reading; raises as `check_regular`."""
    check_regular(path)
    return path.open('rb')


def ends_with(name: object, *suffixes: str) -> bool:
    """True if a name or path has one of these suffixes, such as '.zip', in any case."""
    return str(name).lower().endswith(suffixes)


def shown(name: object) -> str:
    """A name for a message: unprintable characters are escaped, and a long name is cut."""
    name = str(name)
    if len(name) > LONG:
        name = name[:LONG] + '...'
    return printable(name)


def removed(path: Path) -> Path:
    """The path, after whatever it names was deleted; of a link, only the link is deleted."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    return path
