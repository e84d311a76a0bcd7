"""Diversity of images relative to real ones: the distance between them, and their number.

A collapsed generator draws good images of few things. The Fréchet distance notices late and does
not say why. The mean distance between pairs measures how different images are; but with two classes
that lie far apart it is nearly as large as with ten. The Vendi score is an effective number of
different images: images that are alike count as fewer.
"""

import numpy as np

from gan_jax.evaluate import rows

# A generator counts as collapsed below this ratio of Vendi scores, its own over the reals'. In the
# embedded classifier's features one class of real digits has a ratio of 0.09 to 0.32, any two
# classes 0.18 to 0.43, five 0.44 to 0.70, and random subsets of 200 have 0.96 to 1.10. Of the 20
# generators of configs/sweeps/vanilla.py 19 have 0.49 to 0.87, and the worst by far in Fréchet
# distance has 0.39.
COLLAPSED = 0.45
LIMIT = 5000  # rows of a mean distance: more change little, and time grows with their square
COUNT = 500  # rows of a Vendi score: the time of its eigenvalues grows with their cube


def diversity(fake: np.ndarray, real: np.ndarray) -> float:
    """The mean distance between two fakes over the mean distance between two reals.

    Args:
        fake: [M, F], features of generated images, M >= 2; the first `LIMIT` are taken.
        real: [N, F], features of real images, N >= 2; `LIMIT` are taken, evenly spaced.

    Returns:
        A float >= 0: 0 if all images are the same, 1 for the reals' diversity. Noise can lie above
        1.

    Raises:
        ValueError: shapes that do not fit, numbers that are not finite, or reals all alike.
    """
    fake, _, unit = _checked(fake, real)
    return spread(fake) / unit


def vendi_ratio(fake: np.ndarray, real: np.ndarray) -> float:
    """The Vendi score of the fakes over the Vendi score of as many reals.

    The similarity of two images is exp(-d² / 2h²) of the distance d of their features; h is half
    the reals' mean distance.

    Args:
        fake: [M, F], features of generated images, M >= 2; the first `COUNT` are taken.
        real: [N, F], features of real images, N >= 2; as many are taken, evenly spaced.

    Returns:
        A float > 0: 1 for the reals' diversity, below `COLLAPSED` for a collapsed generator.

    Raises:
        ValueError: as `diversity`.
    """
    fake, real, unit = _checked(fake, real)
    count, width = min(len(fake), len(real), COUNT), unit / 2
    some = real[rows.spaced(len(real), count)]
    return vendi(fake[:count], width) / vendi(some, width)


def vendi(x: np.ndarray, width: float) -> float:
    """The effective number of different rows: 1 if all are alike, N if no two are alike.

    "The Vendi Score: A Diversity Evaluation Metric for Machine Learning" (Friedman and Dieng 2022,
    arXiv 2210.02410): the exponential of the entropy of the eigenvalues of K / N.

    Args:
        x: [N, F].
        width: h of the kernel exp(-d² / 2h²).
    """
    centred = np.asarray(x, np.float64) - np.mean(x, axis=0, dtype=np.float64)
    kernel = np.exp(-rows.squared_distances(centred, centred) / (2 * width**2))
    values = np.linalg.eigvalsh(kernel / len(x))
    values = values[values > 0]  # 0 log 0 is 0, and rounding makes some values negative
    return float(np.exp(-np.sum(values * np.log(values))))


def spread(x: np.ndarray) -> float:
    """The mean distance between two different rows of [N, F], over the first `LIMIT` rows."""
    x = x[:LIMIT]
    centre = np.mean(x, axis=0, dtype=np.float64)
    total = 0.0
    for a in rows.blocks(x):
        for b in rows.blocks(x):
            total += float(np.sqrt(rows.squared_distances(a - centre, b - centre)).sum())
    return total / (len(x) * (len(x) - 1))


def _checked(fake: np.ndarray, real: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The fakes, `LIMIT` of the reals, and the spread of these reals."""
    fake, real = rows.checked('fake', fake, least=2), rows.checked('real', real, least=2)
    rows.same_width(fake, real)
    real = real[rows.spaced(len(real), LIMIT)]
    if not (unit := spread(real)):
        raise ValueError('the reals are all alike: there is no diversity to compare with')
    return fake, real, unit
