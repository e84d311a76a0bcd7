"""What the training loop writes between steps: means, rates and pictures."""

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
