"""Files that are whole or absent, and files that one process holds at a time."""

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to, in the same folder, that becomes `path` when the block succeeds.

    A reader or a crash never meets half of the file.
    """
    partial = path.with_name(path.name + '.part')
    yield partial
    partial.replace(path)


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Holds a file, made if needed, for one process, and writes into it who that is.

    The lock is the kernel's: it ends with the process, however that ends.

    Raises:
        BlockingIOError: another process holds it; the message says who.
        OSError: it cannot be opened.
    """
    with path.open('a+') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise BlockingIOError(file.read().strip() or 'another process') from error
        file.truncate(0)
        file.write(f'process {os.getpid()} on {socket.gethostname()}')
        file.flush()
        yield
