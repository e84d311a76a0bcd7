"""Who watches work that takes minutes: a progress bar, and a signal that ends it."""

import contextlib
from collections.abc import Callable, Iterator

import rich.progress
from rich.console import Console

from gan_jax import signals
from gan_jax.evaluate.contract import Tick, Watch, unwatched


@contextlib.contextmanager
def bar(what: str) -> Iterator[Tick]:
    """A `Watch`: a bar on stderr, where that is a terminal, which is gone when the work is done.

    A signal that has come raises KeyboardInterrupt at the next tick.
    """
    console = Console(stderr=True)
    with rich.progress.Progress(
        rich.progress.TextColumn('{task.description}'),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as shown:
        task = shown.add_task(what, total=None)

        def tick(done: int, total: int) -> None:
            signals.check()
            shown.update(task, completed=done, total=total)

        yield tick


class Stopped(BaseException):
    """A signal came in the middle of a piece of work. No fault of that, and so no Exception."""


def ended_by(stopped: Callable[[], int], watch: Watch = unwatched) -> Watch:
    """A `Watch` of work that raises `Stopped` at its next tick when a signal has come.

    Args:
        stopped: from `signals.stop_on_signal`.
        watch: who else looks at it.
    """

    @contextlib.contextmanager
    def ended(what: str) -> Iterator[Tick]:
        with watch(what) as shown:

            def tick(done: int, total: int) -> None:
                if stopped():
                    raise Stopped(what)
                shown(done, total)

            tick(0, 1)
            yield tick

    return ended
