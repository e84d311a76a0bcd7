"""Files that are whole or absent: a reader or a crash never meets half of one."""

import contextlib
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to, in the same folder, that becomes `path` when the block succeeds."""
    partial = path.with_name(path.name + '.part')
    yield partial
    partial.replace(path)
