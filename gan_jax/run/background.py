"""Work for the host that is done in turn by a thread of its own, while training goes on."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

AHEAD = 3  # pieces of work in memory, with all that they write; a slow disk must not fill it


class Background:
    """Does pieces of work one after another, in the order in which they are submitted.

    Once one has failed none is begun, and what it raised comes out of every further call but
    `close`. The work must not start computations: those of two threads can reach several devices in
    different orders, and wait for each other for ever.
    """

    def __init__(self):
        self._thread = ThreadPoolExecutor(1, 'background')
        self._room = threading.Semaphore(AHEAD)
        self._error: Exception | None = None

    def submit(self, work: Callable[[], object]) -> Future:
        """Has the work done later; waits while there are `AHEAD` pieces that are not done.

        Returns:
            What has a result, None, when the work is done or has failed.
        """
        self.check()
        self._room.acquire()
        return self._thread.submit(self._do, work)

    def check(self) -> None:
        """Raises what has failed, if anything has."""
        if self._error is not None:
            raise self._error

    def drain(self) -> None:
        """Waits until all work is done, or one piece has failed, which is raised."""
        self._thread.submit(lambda: None).result()
        self.check()

    def close(self) -> None:
        """Waits as `drain` does, raises nothing, and ends the thread."""
        self._thread.shutdown()

    def _do(self, work: Callable[[], object]) -> None:
        try:
            if self._error is None:
                work()
        except Exception as error:
            self._error = error
        finally:
            self._room.release()
