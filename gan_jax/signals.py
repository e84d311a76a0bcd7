"""A signal asks the program to save and stop; a second one means it."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def stop_on_signal() -> Iterator[Callable[[], int]]:
    """Yields `stopped() -> 0, or 128 + the number of the SIGTERM or SIGINT received`.

    The handler only takes a note: the program looks at it where its state is whole. A second
    signal ends the process at once, as if there were no handler.
    """
    received = []

    def handler(number, frame):
        if received:
            os._exit(128 + number)
        received.append(number)

    before = {number: signal.signal(number, handler) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: 128 + received[0] if received else 0
    finally:
        for number, old in before.items():
            signal.signal(number, old)
