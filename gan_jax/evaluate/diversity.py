"""Diversity of images: how far apart they lie, beside how far apart real ones do.

A generator that has collapsed draws good images of few things. The Fréchet distance notices late
and does not say why; the mean distance between pairs does.
"""

import numpy as np

from gan_jax.evaluate import rows

# Below this share of the reals' distance the alarm is given. In the embedded classifier's features
# digits of one, two and three classes lie at 0.28 to 0.89, random subsets of 200 at 0.98 to 1.02.
COLLAPSED = 0.9
LIMIT = 5000  # rows that are compared: more change little and take the square of the time


def diversity(fake: np.ndarray, real: np.ndarray) -> float:
    """The mean distance between two of the fakes over that between two of the reals.

    Args:
        fake: [M, F], features of generated images, M >= 2; the first `LIMIT` are taken.
        real: [N, F], those of real images, N >= 2; the same.

    Returns:
        A float >= 0: 0 for one image again and again, 1 for the reals' diversity, `COLLAPSED` where
        the alarm begins. Noise can lie above 1.

    Raises:
        ValueError: shapes that do not fit, numbers that are not finite, or reals all alike.
    """
    fake, real = rows.checked('fake', fake, least=2), rows.checked('real', real, least=2)
    rows.same_width(fake, real)
    if not (unit := spread(real)):
        raise ValueError('the reals are all alike: there is no diversity to compare with')
    return spread(fake) / unit


def spread(x: np.ndarray) -> float:
    """The mean distance between two different rows of [N, F], of the first `LIMIT`."""
    x = x[:LIMIT]
    centre = np.mean(x, axis=0, dtype=np.float64)
    total = 0.0
    for a in rows.blocks(x):
        for b in rows.blocks(x):
            total += float(np.sqrt(rows.squared_distances(a - centre, b - centre)).sum())
    return total / (len(x) * (len(x) - 1))
