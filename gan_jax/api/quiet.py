"""Silence of this package in somebody else's program: no prints, and remarks become warnings."""

import contextlib
import io
import sys
import warnings
from collections.abc import Iterator
from logging import CRITICAL, getLogger
from typing import Any

from absl import logging

PREFIX = 'gan_jax: '


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Inside, this package prints nothing; what others print, also code that it calls, is printed.

    Remarks for standard error, such as a damaged checkpoint that is passed over, become warnings
    when the block ends. Loggers of absl and asyncio, to which Orbax writes, are silent meanwhile.
    """
    said: list[str] = []
    asyncio, verbosity = getLogger('asyncio'), logging.get_verbosity()
    level = asyncio.level
    logging.set_verbosity(logging.FATAL)
    asyncio.setLevel(CRITICAL)
    try:
        with (
            contextlib.redirect_stdout(_Others(sys.stdout, [])),
            contextlib.redirect_stderr(_Others(sys.stderr, said)),
        ):
            yield
    finally:
        logging.set_verbosity(verbosity)
        asyncio.setLevel(level)
        for line in ''.join(said).splitlines():
            warnings.warn(line.removeprefix(PREFIX), stacklevel=4)


class _Others(io.TextIOBase):
    """A stream to which all write but this package, whose text is kept in a list."""

    def __init__(self, stream: Any, kept: list[str]):
        self._stream, self._kept = stream, kept

    def write(self, text: str) -> int:
        """Writes the text, unless a module of this package calls `print` with it."""
        module = sys._getframe(1).f_globals.get('__name__') or ''
        if module.partition('.')[0] != 'gan_jax':
            return self._stream.write(text)
        self._kept.append(text)
        return len(text)

    def flush(self) -> None:
        """Flushes the stream."""
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
