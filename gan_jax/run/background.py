"""A background thread that does host work in order while training goes on."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

AHEAD = 3  # pieces of work that wait in memory with their data: a slow disk must not fill it


class Background:
    """Does pieces of work one after another, in the order in which they were submitted.

    After a failure no further piece is begun, and every call but `close` raises its exception. The
    work must not start computations on devices: two threads can enqueue theirs on several devices
    in different orders, which deadlocks.
    """

    def __init__(self):
        self._thread = ThreadPoolExecutor(1, 'background')
        self._room = threading.Semaphore(AHEAD)
        self._error: Exception | None = None

    def submit(self, work: Callable[[], object]) -> Future:
        """Enqueues a piece of work; blocks while `AHEAD` pieces are unfinished.

        Returns:
            A future whose result is None as soon as the work is done or has failed.
        """
        self.check()
        self._room.acquire()
        return self._thread.submit(self._do, work)

    def check(self) -> None:
        """Raises the exception of a failed piece of work, if there is one."""
        if self._error is not None:
            raise self._error

    def drain(self) -> None:
        """Waits until all work is done; raises the exception of a failed piece."""
        self._thread.submit(lambda: None).result()
        self.check()

    def close(self) -> None:
        """Waits as `drain`, raises nothing, and ends the thread."""
        self._thread.shutdown()

    def _do(self, work: Callable[[], object]) -> None:
        try:
            if self._error is None:
                work()
        except Exception as error:
            self._error = error
        finally:
            self._room.release()
