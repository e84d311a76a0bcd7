"""Metric writers: the terminal, and several writers as one.

A writer has the methods of `clu.metric_writers.MetricWriter`: write_scalars, write_images,
write_texts, write_hparams, flush and close. It also has `sync`: everything written before survives
a loss of power. A writer leaves out methods that it has no use for. `log.Log` and
`tensorboard.Events` are writers too, and so is any `MetricWriter`. write_images and sync are called
from a background thread, the other methods from the main thread.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text


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
            print(f'step {step}/{self._steps}  {line}', flush=True)
            return
        if any(name.startswith('eval/') for name in scalars):  # these stay above the bar
            self._live.console.print(f'step {step}  {line}', highlight=False)
        self._progress.update(self._task, completed=step)
        if 'time/images_per_second' in scalars:
            rate = f'{scalars["time/images_per_second"]:.0f} images/s'
            self._progress.update(self._task, description=rate)
        losses = [f'{k} {v:.3g}' for k, v in scalars.items() if k.startswith(('d/', 'g/'))]
        self._losses.plain = '  '.join(losses) or self._losses.plain

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
