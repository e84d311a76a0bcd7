"""Observations of a run between steps: means of metrics, rates and pictures."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gan_jax.runtime.errors import Diverged
from gan_jax.runtime.writers import Writers
from gan_jax.sampling import pictures

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


def rates(mark: tuple[float, int], step: int, images: int) -> dict[str, float]:
    """Images per second and seconds per step since `mark`, a (time.monotonic(), step).

    `images` is the number of real images in one step. {} at the step of the mark itself.
    """
    seconds, steps = time.monotonic() - mark[0], step - mark[1]
    if not steps:  # a resumed run first writes the row that its predecessor could not write
        return {}
    return {
        'time/images_per_second': steps * images / seconds,
        'time/seconds_per_step': seconds / steps,
    }


def write_picture(folder: Path, step: int, images: np.ndarray, writers: Writers) -> None:
    """Writes a grid of images, uint8 [N, H, W, C], to samples/<step>.png and to the writers."""
    picture = pictures.grid(images)
    (folder / 'samples').mkdir(exist_ok=True)
    pictures.save(folder / 'samples' / f'{step:08d}.png', picture)
    writers.write_images(step, {'samples': picture[None]})
