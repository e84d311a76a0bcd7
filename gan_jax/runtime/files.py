"""Atomic writes, file locks, and reads of plain files only."""

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A path to write to, in the same folder, that becomes `path` when the block succeeds.

    No reader and no crash sees half of the file. Files at either path are replaced, not written
    to, so that no link is followed. If the block fails, its partial file is removed.
    """
    partial = path.with_name(path.name + '.part')
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666))
    try:
        yield partial
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def replace(path: Path, content: bytes) -> None:
    """Writes a file whole; of several processes that write it at once one is the last.

    Each goes through a temporary file of its own.
    """
    own = path.with_name(f'{path.name}.{os.getpid()}')
    with atomic_path(own) as partial:
        partial.write_bytes(content)
    own.replace(path)


def sync(path: Path) -> None:
    """Flushes a file, or the names in a folder, to the disk, so that it survives a power loss."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_plain(path: Path) -> bytes:
    """The content of a plain file; pipes and devices, which could be endless, are refused.

    Raises:
        OSError: the file does not exist, is no plain file, or cannot be read.
    """
    with _plain(path, os.O_RDONLY, 'rb') as file:
        return file.read()


@contextlib.contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Locks a file for this process, and writes the process's number and host into it.

    The file is made if needed. The lock is the kernel's: it ends with the process, however the
    process ends.

    Raises:
        BlockingIOError: another process holds the lock; the message names that process.
        OSError: the file cannot be opened, or is a link, through which another would be written.
    """
    import fcntl  # here, or the package could not be imported on Windows, which has none

    with _plain(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 'r+b') as file:
        if os.fstat(file.fileno()).st_nlink > 1:
            raise OSError(errno.EMLINK, 'it is a link', str(path))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BlockingIOError(file.read().decode() or 'another process') from error
        file.truncate(0)
        file.write(f'process {os.getpid()} on {socket.gethostname()}'.encode())
        file.flush()
        yield


def _plain(path: Path, flags: int, mode: str) -> IO[bytes]:
    """An open plain file. Never blocks: opening a pipe would, until somebody writes to it."""
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(error.errno, 'it is a link', str(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, 'it is no plain file', str(path))
    return os.fdopen(descriptor, mode)
