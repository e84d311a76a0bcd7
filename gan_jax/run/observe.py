"""Observations of a run between steps: means of metrics, rates and pictures."""

import functools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gan_jax.experiment.setup import Setup
from gan_jax.run import alarms
from gan_jax.runtime.errors import Diverged
from gan_jax.runtime.writers import Writers
from gan_jax.sampling import pictures
from gan_jax.state import TrainState

GRID = 64  # images of a sample picture, within one block of `generate`


def means(metrics: Mapping[str, Any], step: int) -> dict[str, float]:
    """The means of the log window by name, without metrics that have no value in it.

    The only place where training waits for the device.

    Raises:
        Diverged: a mean is not finite.
    """
    window = jax.device_get(metrics)
    # A term that acts in some steps only may have acted in none of the window: no mean then.
    values = {name: float(mean.compute()) for name, mean in window.items() if mean.count}
    for name, value in values.items():
        if not math.isfinite(value):
            raise Diverged(f'{name} is {value} at step {step}: the run has diverged')
    return dict(sorted(values.items()))


class Pace:
    """The pace of a run from row to row, apart from what precedes its first step.

    Args:
        step: the step that the run begins with, or goes on from.
    """

    def __init__(self, step: int):
        self._mark = time.monotonic(), step
        self._first: float | None = None  # seconds until the first step was done
        self._told = False

    def on_step(self, step: int) -> None:
        """To be called between steps: the first step, which is compiled first, is not measured."""
        if self._first is None and step > self._mark[1]:
            self._first = time.monotonic() - self._mark[0]
            self.mark(step)

    def mark(self, step: int) -> None:
        """Ends a row: what comes next is measured from here on."""
        self._mark = time.monotonic(), step

    def row(self, step: int, images: int) -> dict[str, float]:
        """Images per second and seconds per step since the mark, without the first step.

        The first row has the seconds until the first step was done, most of them compilation.
        `images` is the number of real images in one step.
        """
        seconds, steps = time.monotonic() - self._mark[0], step - self._mark[1]
        found = {}
        if self._first is not None and not self._told:
            found['time/seconds_to_first_step'] = self._first
            self._told = True
        if steps:  # a resumed run first writes the row that its predecessor could not write
            found['time/images_per_second'] = steps * images / seconds
            found['time/seconds_per_step'] = seconds / steps
        return found


class Samples:
    """The sample pictures of a run: drawn at once, written in the background.

    Args:
        setup: the setup of the run.
        folder: the workdir.
        writers: the writers of the run.
        submit: (work, *arguments) -> enqueues the work for the background.
        warn: takes an alarm of collapsed images, or ''.
    """

    def __init__(
        self,
        setup: Setup,
        folder: Path,
        writers: Writers,
        submit: Callable[..., object],
        warn: Callable[[str], None],
    ):
        self._setup, self._folder, self._writers = setup, folder, writers
        self._submit, self._warn = submit, warn
        self._last: int | None = None

    def draw(self, state: TrainState, step: int) -> None:
        """Draws the picture of a step, unless it was the last one drawn.

        Args:
            state: the state of the step; of an untrained one, G and its average are enough.
            step: the step of the state.
        """
        if step != self._last:
            images = self._setup.generate(state, self._setup.settings['seed'], range(GRID))
            self._submit(self._write, step, images)
            self._last = step

    def _write(self, step: int, images: Iterator[np.ndarray]) -> None:
        drawn = np.concatenate(list(images))
        write_picture(self._folder, step, drawn, self._writers)
        self._warn(alarms.collapsed(drawn, self._real_spread, step))

    @functools.cached_property
    def _real_spread(self) -> float:
        return alarms.spread(self._setup.dataset.images)


def write_picture(folder: Path, step: int, images: np.ndarray, writers: Writers) -> None:
    """Writes a grid of images, uint8 [N, H, W, C], to samples/<step>.png and to the writers."""
    picture = pictures.grid(images)
    (folder / 'samples').mkdir(exist_ok=True)
    pictures.save(folder / 'samples' / f'{step:08d}.png', picture)
    writers.write_images(step, {'samples': picture[None]})
