"""Alarms for runs that go wrong without ending: large losses, collapsed images.

An alarm is a sentence that begins with its kind and a colon; '' is no alarm.
"""

from collections.abc import Mapping

import numpy as np

from gan_jax.evaluate.rows import spaced

# Losses are logged without their weights, as means of a window. In a balanced game logits stay
# below some hundreds, so that even their squares, which LeCam takes, rarely exceed this.
LARGE = 1e5

# An untrained generator draws one grey: the demo's images have 0.006 of the spread of real ones,
# and 0.05 at step 32.
PATIENCE = 250  # steps before the first alarm
ALIKE = 0.05  # share of the real spread: a noise of a few grey levels on one image
SAMPLE = 64  # images from which a spread is computed


def blown_up(means: Mapping[str, float], step: int) -> str:
    """An alarm if a mean of the log, by name, is beyond `LARGE`; it names the largest mean."""
    name = max(means, key=lambda one: abs(means[one]), default='')
    if not name or abs(means[name]) <= LARGE:
        return ''
    return (
        f'large losses: {name} is {means[name]:.3g} at step {step}, and beyond {LARGE:g} a run '
        'rarely comes back: lower the learning rates in a new --workdir, or add a regulariser of D'
    )


def collapsed(images: np.ndarray, real: float, step: int) -> str:
    """An alarm if a trained generator's images are nearly equal.

    A generator that alternates between a few images gives no alarm: the metric `diversity` detects
    it.

    Args:
        images: generated images, uint8 [N, H, W, C].
        real: the `spread` of real images.
        step: step of the generator; before `PATIENCE` it counts as untrained.
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
    """The spread of images: a pixel's standard deviation over images, root mean square over pixels.

    Args:
        images: uint8 [N, H, W, C], N >= 1; at most `SAMPLE` of them are used, evenly spaced.

    Returns:
        0.0 if all images are equal, 127.5 if half of them are black and half white.
    """
    some = images[spaced(len(images), SAMPLE)]
    total = some.sum(0, dtype=np.int64)
    squares = np.einsum('n...,n...->...', some, some, dtype=np.int64)
    variance = (len(some) * squares - total**2) / len(some) ** 2
    return float(np.sqrt(variance.mean()))
