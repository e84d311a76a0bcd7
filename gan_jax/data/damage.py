"""Errors of damaged files as sentences that name the file."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from gan_jax.runtime.errors import DATA, UserError, first_line
from gan_jax.runtime.paths import opened, shown

# Errors of a file system at an offset that a damaged archive sends the reader to.
SENT_ASTRAY = (None, errno.EINVAL, errno.EOVERFLOW)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """The archive, a regular file, open for reading; errors in the block become as in `naming`."""
    with opened(path) as file, naming(path):
        yield file


@contextlib.contextmanager
def naming(name: object) -> Iterator[None]:
    """An exception in the block becomes a `UserError` that names the file that is read.

    The parsers of the standard library raise exceptions of any type on damaged files, so that every
    one counts. Errors of the disk itself pass unchanged.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in SENT_ASTRAY:
            raise
        raise UserError(
            f'{shown(name)} is damaged, cut short or not what it should be '
            f'({shown(first_line(error))}): get it again',
            DATA,
        ) from error
