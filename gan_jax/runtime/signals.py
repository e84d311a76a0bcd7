"""A signal asks the program to save and stop; a second one means it."""

import atexit
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

HANGUP = getattr(signal, 'SIGHUP', None)  # Windows has none
ASKING = tuple(filter(None, (signal.SIGINT, signal.SIGTERM, HANGUP)))
# Seconds in which a second signal is the first one again: `timeout`, and scripts that pass theirs
# on, send one to a process and to the group that it is in.
ECHO = 0.5
SAID = b'gan_jax: stopping; a second signal stops at once\n'
PROMPT = 1  # seconds in which that is said, unless nothing can be

# Of the process, as the handlers are.
_received: list[int] = []
_heard = threading.Event()  # whether handlers stand
_commanding = threading.Event()  # whether a command is all that this process does
_said = threading.Event()
_interrupting = threading.Event()
_ending: set[int] = set()


def received() -> int:
    """128 + the number of the first signal that has come; 0 when none has."""
    return 128 + _received[0] if _received else 0


def check() -> None:
    """Raises KeyboardInterrupt when a signal has come: for where nothing has to be saved."""
    if _received:
        raise KeyboardInterrupt


def wait_until_said() -> None:
    """Lets the thread that answers a signal speak first."""
    if _heard.is_set() and _received:
        _said.wait(PROMPT)


def arm() -> None:
    """Has every signal remembered until the process ends.

    To be called by a command before anything else. The program looks at `received` where its state
    is whole.
    """
    if not _heard.is_set():
        # The last thing that Python calls: a signal after it would change a status that is said.
        atexit.register(_deafen)
        _commanding.set()
        _listen()


@contextlib.contextmanager
def stop_on_signal() -> Iterator[Callable[[], int]]:
    """Yields `received`, and remembers signals at least so long.

    Where no command has called `arm`, in a notebook say, a second SIGINT is Python's own interrupt,
    and everything is afterwards as it was before. Outside the main thread, which alone can handle
    signals, nothing is remembered that is not already.
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
    """Inside, a signal raises KeyboardInterrupt as well; so does one that came before.

    JAX may swallow it while it traces: `check` raises it again.
    """
    _interrupting.set()
    try:
        check()
        yield
    finally:
        _interrupting.clear()


def end_at_once(*numbers: int) -> None:
    """From now on these signals end the process, and no others; so does one that has come.

    For where nobody can look at them: several processes wait for each other.
    """
    _ending.clear()
    _ending.update(numbers)
    if not _ending.isdisjoint(_received):
        os._exit(received())


def _listen() -> Callable[[], None]:
    """Installs the handlers; returns a function that removes them and forgets what came."""
    # Python runs a handler between two of its own instructions, which may be minutes away while
    # XLA compiles. A thread that reads from a pipe hears of the signal then.
    hears, tells = os.pipe()
    os.set_blocking(tells, False)
    pipe = signal.set_wakeup_fd(tells, warn_on_full_buffer=False)
    # A process that `nohup` has started is to outlive its terminal.
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
    """Says that a signal has come, and ends the process at a second one."""
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
    """True where a second signal, of this number, ends the process at once."""
    # A terminal that closes sends SIGHUP more than once, and nobody means it. The kernel of a
    # notebook, which SIGINT interrupts, holds more than this run.
    return number == signal.SIGTERM or (number == signal.SIGINT and _commanding.is_set())


def _deafen() -> None:
    for number in ASKING:
        signal.signal(number, signal.SIG_IGN)
