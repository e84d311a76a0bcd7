"""Silence of this package in somebody else's program: no prints, and remarks become warnings."""

import contextlib
import warnings
from collections.abc import Iterator
from logging import CRITICAL, getLogger

from absl import logging

from gan_jax.runtime import output


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Inside, this package prints nothing; what others print, also code that it calls, is printed.

    Remarks for standard error, such as a damaged checkpoint that is passed over, become warnings
    when the block ends. Loggers of absl and asyncio, to which Orbax writes, are silent meanwhile.
    """
    asyncio, verbosity = getLogger('asyncio'), logging.get_verbosity()
    level = asyncio.level
    logging.set_verbosity(logging.FATAL)
    asyncio.setLevel(CRITICAL)
    with output.kept() as said:
        try:
            yield
        finally:
            logging.set_verbosity(verbosity)
            asyncio.setLevel(level)
            for line in said:
                warnings.warn(line, stacklevel=4)
