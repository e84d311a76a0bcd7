"""The first statement of every command: importing JAX takes seconds, in which much can happen."""

import sys
from typing import Any

from gan_jax.runtime import signals, streams


def command() -> None:
    """Has output never fail and signals remembered from here on, in this whole process."""
    streams.hold()
    signals.arm()
    sys.unraisablehook = unraisable


def unraisable(found: Any) -> None:
    """Shows what nobody could catch, but for two that are told elsewhere.

    Of a damaged file tensorstore tells orbax's event loop when that is closed, and the file has
    been refused. A signal that comes while JAX's collector of garbage runs is looked at again, see
    `signals.check`.
    """
    late = str(found.exc_value) == 'Event loop is closed'
    if not (late or (isinstance(found.exc_value, KeyboardInterrupt) and signals.received())):
        sys.__unraisablehook__(found)
