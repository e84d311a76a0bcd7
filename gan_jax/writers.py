"""Where numbers go beside the log: TensorBoard and the terminal, behind clu's method names.

The methods are write_scalars, write_images, write_texts, write_hparams, flush and close; a writer
leaves out those that mean nothing to it. `log.Log` is another writer. Pictures come from another
thread than all else. Any `clu.metric_writers.MetricWriter` fits beside these.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text


class TensorBoardWriter:
    """Event files without TensorFlow. A disk that fails them costs a warning, not the run."""

    def __init__(self, folder: Path, step: int):
        from tensorboardX import SummaryWriter

        # TensorBoard hides what an interrupted run wrote after the step that this one starts from.
        self._writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None)
        self._failed = False

    def _try(self, write, *arguments, **options) -> None:
        if self._failed:
            return
        try:
            write(*arguments, **options)
        except OSError as error:
            self._failed = True
            print(f'gan_jax: TensorBoard events stop here: {error}', file=sys.stderr)

    def write_scalars(self, step: int, scalars: Mapping[str, float]) -> None:
        for name, value in scalars.items():
            self._try(self._writer.add_scalar, name, value, step)

    def write_images(self, step: int, images: Mapping[str, np.ndarray]) -> None:
        """Each uint8 [N, H, W, C]."""
        for name, batch in images.items():
            self._try(self._writer.add_images, name, batch, step, dataformats='NHWC')

    def write_texts(self, step: int, texts: Mapping[str, str]) -> None:
        for name, text in texts.items():
            self._try(self._writer.add_text, name, text, step)

    def write_hparams(self, hparams: Mapping[str, Any]) -> None:
        self._try(self._writer.add_text, 'config', f'```json\n{json.dumps(hparams, indent=2)}\n```')

    def flush(self) -> None:
        self._try(self._writer.flush)

    def close(self) -> None:
        self._try(self._writer.close)


class TerminalWriter:
    """A live bar with the time left and the current losses; plain lines where nobody watches."""

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
