"""Process set-up that precedes every other import of a command.

Importing JAX takes seconds: a signal or a closed pipe must not be lost meanwhile, and --help and a
mistake in the arguments are answered before.
"""

import importlib
import sys
from typing import Any

from gan_jax.runtime import collector, signals, streams


def command(flags: str = '') -> None:
    """Makes output never fail and remembers signals, for the rest of the process.

    The garbage collector rests until `collector.resume`.

    Args:
        flags: module whose `parse` reads the arguments of the command, 'gan_jax.flags.train', and
            which needs no JAX; '' reads nothing yet. A second call in a process reads nothing.
    """
    streams.hold()
    signals.arm()
    sys.unraisablehook = unraisable
    collector.rest()
    if flags:
        from gan_jax.runtime import cli  # after the signals

        cli.read(importlib.import_module(flags).parse)


def unraisable(found: Any) -> None:
    """A `sys.unraisablehook` that hides two exceptions, both reported elsewhere.

    - 'Event loop is closed': tensorstore reports a damaged file to orbax's event loop after the
      loop has been closed. The file has been refused by then.
    - KeyboardInterrupt after a signal: the signal came during JAX's garbage collection, and
      `signals.check` raises it again.
    """
    late = str(found.exc_value) == 'Event loop is closed'
    if not (late or (isinstance(found.exc_value, KeyboardInterrupt) and signals.received())):
        sys.__unraisablehook__(found)
