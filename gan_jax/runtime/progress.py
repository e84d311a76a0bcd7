"""Progress bars and cancellation for long work."""

import contextlib
from collections.abc import Callable, Iterator

import rich.progress
from rich.console import Console

from gan_jax.runtime import output, signals

ProgressFn = Callable[[int, int], object]  # (done, total) of a piece of work
# The name of a piece of work -> a context in which its progress is reported.
Progress = Callable[[str], contextlib.AbstractContextManager[ProgressFn]]


class Stopped(BaseException):
    """Raised when a signal came during a piece of work. Not an error, so not an Exception."""


@contextlib.contextmanager
def no_progress(what: str) -> Iterator[ProgressFn]:
    """A `Progress` that shows nothing."""
    del what
    yield lambda done, total: None


@contextlib.contextmanager
def bar(what: str) -> Iterator[ProgressFn]:
    """A `Progress` that shows a bar on stderr until the work is done.

    Only if stderr is a terminal, and neither under --quiet nor in somebody else's program.

    After a signal, the next report raises KeyboardInterrupt.
    """
    console = Console(stderr=True)
    with rich.progress.Progress(
        rich.progress.TextColumn('{task.description}'),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=output.is_quiet() or output.is_kept() or not console.is_terminal,
    ) as shown:
        task = shown.add_task(what, total=None)

        def report(done: int, total: int) -> None:
            signals.check()
            shown.update(task, completed=done, total=total)

        yield report


def duration(seconds: float) -> str:
    """A number of seconds in words: '12 s', '3 min', '2.5 h'."""
    if seconds < 100:
        return f'{seconds:.0f} s'
    return f'{seconds / 60:.0f} min' if seconds < 6000 else f'{seconds / 3600:.1f} h'


def cancellable(stopped: Callable[[], int], progress: Progress = no_progress) -> Progress:
    """A `Progress` that ends the work at a signal: the next report raises `Stopped`.

    Args:
        stopped: from `signals.stop_on_signal`.
        progress: the `Progress` that shows the work.
    """

    @contextlib.contextmanager
    def cancelled(what: str) -> Iterator[ProgressFn]:
        with progress(what) as shown:

            def report(done: int, total: int) -> None:
                if stopped():
                    raise Stopped(what)
                shown(done, total)

            report(0, 1)
            yield report

    return cancelled
