"""What the training loop looks at between steps: means, rates, pictures, generated images."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gan_jax.evaluate.context import Failed, Values
from gan_jax.experiment.setup import Setup
from gan_jax.runtime.errors import Diverged
from gan_jax.runtime.progress import Progress
from gan_jax.runtime.writers import Writers
from gan_jax.sampling import pictures
from gan_jax.state import TrainState

GRID = 64  # images of a sample picture, within one block of `generate`


def means(metrics: Mapping[str, Any], step: int) -> dict[str, float]:
    """The means of the log window, of what it has values of.

    The only place where training waits for the device.

    Raises:
        Diverged: one is not finite.
    """
    window = jax.device_get(metrics)
    # A term that acts in some steps only may have acted in none of the window: it has no mean then.
    values = {name: float(mean.compute()) for name, mean in window.items() if mean.count}
    for name, value in values.items():
        if not math.isfinite(value):
            raise Diverged(f'{name} is {value} at step {step}: the run has diverged')
    return dict(sorted(values.items()))


def rates(mark: tuple[float, int], step: int, images: int) -> dict[str, float]:
    """Images a second and seconds a step since `mark`, a (time.monotonic(), step).

    `images` are the real images of one step. Nothing at the step of the mark itself.
    """
    seconds, steps = time.monotonic() - mark[0], step - mark[1]
    if not steps:  # a resumed run starts with what it was stopped from writing
        return {}
    return {
        'time/images_per_second': steps * images / seconds,
        'time/seconds_per_step': seconds / steps,
    }


def write_picture(folder: Path, step: int, images: np.ndarray, writers: Writers) -> None:
    """A grid of images, uint8 [N, H, W, C], in samples/, named by its step, and in the writers."""
    picture = pictures.grid(images)
    (folder / 'samples').mkdir(exist_ok=True)
    pictures.save(folder / 'samples' / f'{step:08d}.png', picture)
    writers.write_images(step, {'samples': picture[None]})


def evaluate_run(
    parts: Setup,
    metrics: str,
    state: TrainState,
    seed: int,
    watch: Progress,
    failed: Failed | None = None,
) -> Values:
    """The values of metrics of a state, of as many images of that seed as they take.

    Args:
        parts: of the run.
        metrics: their names, with commas between them.
        state: of training.
        seed: of the images.
        watch: the work.
        failed: told of what raises an Exception, and ends nothing then: its metrics are NaN. None
            lets it through.
    """
    evaluation = parts.evaluation(metrics)
    try:
        images = _images(parts, state, seed, evaluation.num, watch)
        return evaluation.measure(images, state, parts.experiment.hyper, watch, failed)
    except Exception as error:
        if failed is None:
            raise
        names = metrics.split(',')
        failed(names, error)
        return dict.fromkeys(names, math.nan)


def _images(parts: Setup, state: TrainState, seed: int, count: int, watch: Progress) -> np.ndarray:
    """uint8 [count, H, W, C]; [0] of none."""
    images, done = [np.zeros(0, np.uint8)], 0
    with watch('generating images') as tick:
        for batch in parts.generate(state, seed, range(count)):
            images.append(batch)
            done += len(batch)
            tick(done, count)
    return np.concatenate(images[1:] or images)
