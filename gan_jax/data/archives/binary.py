"""Binary files, packed or not: gzip, members of tars, rows of bytes.

Nothing is unpacked to the disk, so that no path within an archive matters.
"""

import gzip
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from gan_jax.data.pieces import BLOCK
from gan_jax.runtime.errors import DATA, UserError


def unpacked(file: BinaryIO) -> BinaryIO:
    """The contents of an open file that may be compressed by gzip.

    The checksum is compared when they are read to their end.
    """
    packed = file.read(2) == b'\x1f\x8b'
    file.seek(0)
    return gzip.open(file) if packed else file


def rows(file: BinaryIO, width: int, name: str) -> Iterator[np.ndarray]:
    """The rest of a file as blocks of uint8 [n, width]; errors call the file `name`."""
    while content := file.read(max(1, BLOCK // width) * width):
        if len(content) % width:
            raise UserError(f'{name} ends in the middle of an image: get it again', DATA)
        yield np.frombuffer(content, np.uint8).reshape(-1, width)


def members(
    archived: BinaryIO, path: Path, wanted: Collection[str], hint: str
) -> Iterator[tuple[str, BinaryIO]]:
    """Each wanted member, as it comes in the archive: (its name without folders, its bytes).

    The archive is read once from start to end, compressed or not; a member must be read before the
    next one is asked for.

    Args:
        archived: the open file, from `reading(path)`.
        path: of the archive, for errors.
        wanted: names without folders.
        hint: the archive that is expected, for the error about a missing member.

    Raises:
        UserError: the archive is damaged, or a wanted member is missing, there twice, or a link.
    """
    missing = set(wanted)
    with unpacked(archived) as file, tarfile.open(fileobj=file, mode='r|') as archive:
        for member in archive:
            name = PurePosixPath(member.name).name
            if name not in wanted or member.isdir():
                continue
            if name not in missing or not member.isreg() or member.issparse():
                raise UserError(f'{path} holds {name} twice or as a link: get it again', DATA)
            missing.remove(name)
            yield name, archive.extractfile(member)
        while file.read(BLOCK):  # the checksum of gzip stands behind everything
            pass
    if missing:
        raise UserError(f'{path} holds no {min(missing)}: it must be {hint}', DATA)
