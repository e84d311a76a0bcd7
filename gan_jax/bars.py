"""Progress bars of work that takes minutes, on stderr, where somebody watches."""

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gan_jax.evaluate.contract import Tick


@contextlib.contextmanager
def bar(what: str) -> Iterator[Tick]:
    """A `Watch`: a bar that is gone when the work is done."""
    console = Console(stderr=True)
    columns = TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn()
    with Progress(
        *(*columns, TimeRemainingColumn()),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
