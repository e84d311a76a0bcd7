"""Alarms: what the numbers and pictures say of a run that goes wrong and does not end.

A sentence begins with its kind and a colon; '' is no alarm.
"""

from collections.abc import Mapping

import numpy as np

from gan_jax.evaluate.rows import spaced

# Losses are logged without their weights, as means of a window. The logits of a game that is in
# balance stay below some hundreds, so that even their squares, which LeCam takes, rarely come here.
LARGE = 1e5

# An untrained generator draws one grey: the demo's has 0.006 of the real deviation, and 0.05 at
# step 32.
PATIENCE = 250  # steps before images may be found alike
ALIKE = 0.05  # of the real deviation: a noise of a few grey levels on one image
SAMPLE = 64  # real images that it is taken of


def blown_up(means: Mapping[str, float], step: int) -> str:
    """A sentence where a mean of the log, by its name, is beyond `LARGE`; it names the largest."""
    name = max(means, key=lambda one: abs(means[one]), default='')
    if not name or abs(means[name]) <= LARGE:
        return ''
    return (
        f'large losses: {name} is {means[name]:.3g} at step {step}, and beyond {LARGE:g} a run '
        'rarely comes back: lower the learning rates in a new --workdir, or add a regulariser of D'
    )


def collapsed(images: np.ndarray, real: float, step: int) -> str:
    """A sentence where generated images are nearly one, of a generator that has been trained.

    Of one that draws a few images in turn nothing is said: the metric `diversity` sees that.

    Args:
        images: uint8 [N, H, W, C].
        real: the `spread` of real images.
        step: of the generator; before `PATIENCE` it has not been trained.
    """
    if step < PATIENCE or not real:
        return ''
    share = spread(images) / real
    if share >= ALIKE:
        return ''
    return (
        f'equal images: at step {step} generated images differ from each other by {share:.1%} of '
        'what real ones do, pixel by pixel: the generator has collapsed, or not begun; look at '
        'samples/'
    )


def spread(images: np.ndarray) -> float:
    """The difference of images: the root of a pixel's variance over images, as a mean over pixels.

    Args:
        images: uint8 [N, H, W, C], N >= 1; of more than `SAMPLE` these many are looked at, evenly
            spaced.

    Returns:
        0.0 for images that are all the same, 127.5 where half of them are black and half white.
    """
    some = images[spaced(len(images), SAMPLE)]
    total = some.sum(0, dtype=np.int64)
    squares = np.einsum('n...,n...->...', some, some, dtype=np.int64)
    variance = (len(some) * squares - total**2) / len(some) ** 2
    return float(np.sqrt(variance.mean()))
