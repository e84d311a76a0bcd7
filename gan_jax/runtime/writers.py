"""Metric writers: the terminal, several writers as one, and the contract of one's own.

A writer has the methods of `clu.metric_writers.MetricWriter`: write_scalars, write_images,
write_texts, write_hparams, flush and close. It also has `sync`: everything written before survives
a loss of power. A writer leaves out methods that it has no use for. `log.Log` and
`tensorboard.Events` are writers too, and so is any `MetricWriter`. write_images and sync are called
from a background thread, the other methods from the main thread.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from gan_jax.runtime import output
from gan_jax.runtime.progress import duration


def _nothing(*arguments: Any) -> None:
    """Writes nothing."""


class Writer(NamedTuple):
    """A writer of one's own, as functions; one that is left out does nothing.

    The functions are called one at a time.

    Attributes:
        write_scalars: (step, {name: number}), a row of metrics.jsonl; NaN is a metric that failed.
        write_images: (step, {name: uint8 [N, H, W, C]}), C of 1 or 3; 'samples' is the grid. It
            comes from the background, up to a few steps late.
        write_texts: (step, {name: text}).
        write_hparams: (settings), once at the start: the resolved config, nested.
        sync: (): what was written so far should survive a loss of power.
        close: ().
    """

    write_scalars: Callable[..., object] = _nothing
    write_images: Callable[..., object] = _nothing
    write_texts: Callable[..., object] = _nothing
    write_hparams: Callable[..., object] = _nothing
    sync: Callable[..., object] = _nothing
    close: Callable[..., object] = _nothing


class RunInfo(NamedTuple):
    """The run that a writer is opened for.

    Attributes:
        folder: the workdir.
        settings: the resolved config, nested.
        since: the last step whose row is kept, -1 in a new run. A resumed run writes the rows
            after it again, with the same numbers.
    """

    folder: Path
    settings: Mapping[str, Any]
    since: int


class TerminalWriter:
    """A live bar with the time left and the current losses; plain lines if there is no terminal."""

    def __init__(self, steps: int, step: int):
        self._steps = steps
        self._progress = Progress(
            TextColumn('step {task.completed:.0f}/{task.total:.0f}'),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn('{task.description}'),
        )
        self._task = self._progress.add_task('compiling', total=steps, completed=step)
        self._losses = Text()
        self._live = Live(Group(self._progress, self._losses), console=Console())
        if self._live.console.is_terminal:
            self._live.start()

    def write_scalars(self, step: int, scalars: Mapping[str, float]) -> None:
        line = '  '.join(f'{_short(name)} {value:.3g}' for name, value in scalars.items())
        if not self._live.is_started:
            output.say(f'step {step}/{self._steps}  {line}{self._left(step, scalars)}')
            return
        if any(name.startswith('eval/') for name in scalars):  # these stay above the bar
            self._live.console.print(f'step {step}  {line}', highlight=False)
        self._progress.update(self._task, completed=step)
        if 'time/images_per_second' in scalars:
            rate = f'{scalars["time/images_per_second"]:.0f} images/s'
            self._progress.update(self._task, description=rate)
        losses = [f'{k} {v:.3g}' for k, v in scalars.items() if k.startswith(('d/', 'g/'))]
        self._losses.plain = '  '.join(losses) or self._losses.plain

    def _left(self, step: int, scalars: Mapping[str, float]) -> str:
        """The time left, where a row has measured the pace."""
        if (pace := scalars.get('time/seconds_per_step')) is None or step >= self._steps:
            return ''
        return f'  about {duration(pace * (self._steps - step))} left'

    def write_texts(self, step: int, texts: Mapping[str, str]) -> None:
        for text in texts.values():
            self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def flush(self) -> None:
        sys.stdout.flush()

    def close(self) -> None:
        self._live.stop()


class Writers:
    """Several writers as one."""

    def __init__(self, writers: Sequence[Any]):
        self._writers = writers

    def __getattr__(self, method: str):
        def to_all(*arguments, **options) -> None:
            for writer in self._writers:
                getattr(writer, method, lambda *_, **__: None)(*arguments, **options)

        return to_all


def _short(name: str) -> str:
    return name.removeprefix('time/').removeprefix('eval/')
