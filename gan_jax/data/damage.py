"""What a damaged archive raises, as one sentence that names it."""

import contextlib
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from gan_jax.errors import DATA, UserError

# RuntimeError: an encrypted zip; NotImplementedError: a compression that zipfile does not know.
DAMAGE = (
    *(tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError),
    *(EOFError, RuntimeError, NotImplementedError),
)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """What goes wrong inside an archive becomes a `UserError` that names the archive."""
    try:
        yield
    except DAMAGE as error:
        raise UserError(
            f'{path} is damaged, cut short or not what it should be '
            f'({error or type(error).__name__}): get it again',
            DATA,
        ) from error
