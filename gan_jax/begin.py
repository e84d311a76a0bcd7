"""What a command does first: importing JAX takes seconds, in which much can happen."""

import sys
from typing import Any

from gan_jax import signals, streams


def command() -> None:
    """Has output never fail and signals remembered from here on, in this whole process."""
    streams.hold()
    signals.arm()
    sys.unraisablehook = unraisable


def unraisable(found: Any) -> None:
    """Shows what nobody could catch, but for what tensorstore says of a damaged file too late.

    It tells orbax's event loop when that is closed; the file has been refused by then.
    """
    if str(found.exc_value) != 'Event loop is closed':
        sys.__unraisablehook__(found)
