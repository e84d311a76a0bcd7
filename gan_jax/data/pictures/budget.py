"""A bound on the memory that threads take together."""

import contextlib
import threading
from collections.abc import Iterator


class Budget:
    """So many bytes, of which each thread takes a share for a while.

    A share that is larger than all waits until it is alone, so that some thread always goes on.
    """

    def __init__(self, total: int):
        """`total`: bytes, at least 1."""
        self.total = total
        self.taken = 0
        self._given_back = threading.Condition()

    @contextlib.contextmanager
    def share(self, amount: int) -> Iterator[None]:
        """Waits until `amount` bytes, or all if they are fewer, are free; has them for a block."""
        amount = min(amount, self.total)
        with self._given_back:
            self._given_back.wait_for(lambda: self.taken + amount <= self.total)
            self.taken += amount
        try:
            yield
        finally:
            with self._given_back:
                self.taken -= amount
                self._given_back.notify_all()
