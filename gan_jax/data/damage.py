"""Files that are open for reading; what is damaged in one becomes a sentence that names it."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from gan_jax.runtime.errors import DATA, UserError, first_line
from gan_jax.runtime.paths import opened, shown

# What a file system says of a place that a damaged archive sends the reader to.
SENT_ASTRAY = (None, errno.EINVAL, errno.EOVERFLOW)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """The archive, a regular file, open; what goes wrong inside it is told as in `naming`."""
    with opened(path) as file, naming(path):
        yield file


@contextlib.contextmanager
def naming(name: object) -> Iterator[None]:
    """A fault inside becomes a `UserError` that names what is read.

    The parsers of the standard library raise whatever they stumble over, so that every exception
    counts, but for what the disk itself refuses.
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
