"""Signal handling: a first signal asks the program to save and stop, a second one ends it."""

import atexit
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

HANGUP = getattr(signal, 'SIGHUP', None)  # Windows has none
ASKING = tuple(filter(None, (signal.SIGINT, signal.SIGTERM, HANGUP)))
# Seconds in which a second signal counts as a copy of the first: `timeout`, and scripts that
# forward signals, send one to a process and another to its process group.
ECHO = 0.5
SAID = b'gan_jax: stopping; a second signal stops at once\n'
PROMPT = 1  # seconds to wait at most until `SAID` is printed

# State of the whole process, as signal handlers are.
_received: list[int] = []
_heard = threading.Event()  # set while the handlers are installed
_commanding = threading.Event()  # set when the process runs a command and nothing else
_said = threading.Event()
_interrupting = threading.Event()
_ending: set[int] = set()


def received() -> int:
    """128 + the number of the first signal that has come; 0 without one."""
    return 128 + _received[0] if _received else 0


def commanded() -> bool:
    """True if a signal has come to a command, where no other program runs in its process."""
    return bool(_received) and _commanding.is_set()


def check() -> None:
    """Raises KeyboardInterrupt if a signal has come; for work that has nothing to save."""
    if _received:
        raise KeyboardInterrupt


def wait_until_said() -> None:
    """Waits until the message `SAID` is printed, if a signal has come."""
    if _heard.is_set() and _received:
        _said.wait(PROMPT)


def arm() -> None:
    """Installs handlers that remember signals until the process ends.

    A command calls it before anything else, and polls `received` where its state is consistent.
    """
    if not _heard.is_set():
        # Python's last call: a later signal would change an exit status that is already decided.
        atexit.register(_deafen)
        _commanding.set()
        _listen()


@contextlib.contextmanager
def stop_on_signal() -> Iterator[Callable[[], int]]:
    """Yields `received`, and remembers signals at least until the block ends.

    If no command has called `arm`, as in a notebook, a second SIGINT raises KeyboardInterrupt, and
    the previous handlers return when the block ends. Outside the main thread, in which Python runs
    handlers, no handler is installed.
    """
    if _heard.is_set() or threading.current_thread() is not threading.main_thread():
        yield received
        return
    forget = _listen()
    try:
        yield received
    finally:
        forget()


@contextlib.contextmanager
def interrupting() -> Iterator[None]:
    """Makes a signal raise KeyboardInterrupt inside, also a signal that came before.

    JAX may swallow the exception while it traces; `check` raises it again.
    """
    _interrupting.set()
    try:
        check()
        yield
    finally:
        _interrupting.clear()


def end_at_once(*numbers: int) -> None:
    """Makes these signals, and no others, end the process at once, also if one has come already.

    For several processes that wait for each other, where no Python code can poll `received`.
    """
    _ending.clear()
    _ending.update(numbers)
    if not _ending.isdisjoint(_received):
        os._exit(received())


def _listen() -> Callable[[], None]:
    """Installs the handlers; returns a function that removes them and forgets received signals."""
    # Python runs a handler between two of its own instructions, which may be minutes away while
    # XLA compiles. A thread that reads from a pipe learns of the signal meanwhile.
    hears, tells = os.pipe()
    os.set_blocking(tells, False)
    pipe = signal.set_wakeup_fd(tells, warn_on_full_buffer=False)
    # A process that `nohup` has started must outlive its terminal.
    numbers = [n for n in ASKING if n != HANGUP or signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, _remember) for number in numbers}
    thread = threading.Thread(target=_answer, args=(hears,), name='signals', daemon=True)
    thread.start()
    _heard.set()

    def forget() -> None:
        for number, old in before.items():
            signal.signal(number, old)
        signal.set_wakeup_fd(pipe)
        os.close(tells)
        thread.join()
        os.close(hears)
        _heard.clear()
        _said.clear()
        _received.clear()

    return forget


def _remember(number: int, frame: object) -> None:
    _received.append(number)
    if len(_received) == 1:
        interrupts = _interrupting.is_set()
    else:
        interrupts = number == signal.SIGINT and not _commanding.is_set()
    if interrupts:
        raise KeyboardInterrupt


def _answer(pipe: int) -> None:
    """Prints `SAID` at the first signal, and ends the process at a second one."""
    first = None
    while heard := os.read(pipe, 1):
        if heard[0] not in ASKING:
            continue
        if heard[0] in _ending:
            os._exit(128 + heard[0])
        if first is None:
            first = time.monotonic()
            with contextlib.suppress(OSError):
                os.write(2, SAID)
            _said.set()
        elif _ends(heard[0]) and time.monotonic() - first > ECHO:
            os._exit(128 + heard[0])


def _ends(number: int) -> bool:
    """True if a second signal, of this number, ends the process at once."""
    # A closing terminal sends SIGHUP more than once, so a second SIGHUP is not a second request.
    # In a notebook SIGINT must not end the kernel, which holds more than this run.
    return number == signal.SIGTERM or (number == signal.SIGINT and _commanding.is_set())


def _deafen() -> None:
    for number in ASKING:
        signal.signal(number, signal.SIG_IGN)
