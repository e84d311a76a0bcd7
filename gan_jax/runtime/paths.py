"""Files as this package reads them: regular ones only, by names that can be shown."""

import errno
import shutil
import stat
from pathlib import Path
from typing import BinaryIO

from gan_jax.runtime.errors import DATA, MISSING, UserError, printable

LONG = 400  # letters of a name that are shown
KINDS = {
    stat.S_IFIFO: 'a pipe',
    stat.S_IFSOCK: 'a socket',
    stat.S_IFCHR: 'a device',
    stat.S_IFBLK: 'a device',
    stat.S_IFDIR: 'a folder',
}


def check_regular(path: Path) -> None:
    """Raises a `UserError` unless the path leads to a regular file: a pipe may hang who opens it.

    Raises:
        UserError: it is something else, or a link that leads nowhere (65).
        OSError: there is nothing, or it cannot be seen.
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
    """The path, in which a first '~' or '~user' is a home.

    Raises:
        UserError: of nobody who is known here (66).
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(
            f'{shown(path)} is in the home of nobody who is known here: write the whole path',
            MISSING,
        ) from error


def opened(path: Path) -> BinaryIO:
    """A regular file, open for reading; raises as `check_regular`."""
    check_regular(path)
    return path.open('rb')


def ends_with(name: object, *suffixes: str) -> bool:
    """True of a name or path that has one of these suffixes, '.zip' say, in capitals or not."""
    return str(name).lower().endswith(suffixes)


def shown(name: object) -> str:
    """A name as it stands in a sentence: what does not print, a line break say, is escaped.

    Of a name that no file system would have only the beginning is shown.
    """
    name = str(name)
    if len(name) > LONG:
        name = name[:LONG] + '...'
    return printable(name)


def removed(path: Path) -> Path:
    """The path, at which nothing is left; of a link only the link itself is removed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    return path
