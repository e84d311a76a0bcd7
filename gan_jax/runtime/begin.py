"""Process set-up that precedes every other import of a command.

Importing JAX takes seconds, and a signal or a closed pipe must not be lost meanwhile.
"""

import gc
import sys
from typing import Any

from gan_jax.runtime import signals, streams


def command() -> None:
    """Makes output never fail and remembers signals, for the rest of the process.

    The garbage collector rests until `imported`.
    """
    streams.hold()
    signals.arm()
    sys.unraisablehook = unraisable
    gc.disable()


def imported() -> None:
    """Ends the imports of a command: the garbage collector passes over all that exists by now.

    It is a million objects of modules, which never become garbage. To look through them during the
    imports, later and once more at the exit takes half a second, a third of a short command.
    """
    gc.freeze()
    gc.enable()


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
