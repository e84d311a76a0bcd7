"""A bound on the memory that all threads take together."""

import contextlib
import threading
from collections.abc import Iterator


class Budget:
    """A number of bytes that threads share.

    A share above the total waits until no other is taken, so that some thread always goes on.
    """

    def __init__(self, total: int):
        """`total`: bytes, at least 1."""
        self.total = total
        self.taken = 0
        self._given_back = threading.Condition()

    @contextlib.contextmanager
    def share(self, amount: int) -> Iterator[None]:
        """Takes min(amount, total) bytes for a block, and waits until they are free."""
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
