"""Averages whose weight grows by a power of time, and any of them as a sum of others.

Karras et al. 2023, arXiv 2312.02696, section 3 and appendix C: an average over the time from 0 to
t gives the time s the weight p(s) = (gamma + 1) s^gamma / t^(gamma + 1). Snapshots of few such
averages at many times span nearly all others, so that the length of the average can be chosen after
training. Times are in steps; everything here is float64 on the host.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Mixture(NamedTuple):
    """Averages that add up to nearly another one.

    Attributes:
        weights: of each average, float64 [N]; their sum is 1.
        error: distance between the sum of the profiles and the wanted one, relative to the norm of
            that one, in the square mean over time.
    """

    weights: np.ndarray
    error: float


def exponent_of(std: float) -> float:
    """The exponent gamma of the average with a relative standard deviation.

    The largest root of std^2 (gamma + 2)^2 (gamma + 3) = gamma + 1.

    Args:
        std: standard deviation of the profile, in parts of the time from 0; above 0, to 0.3.
    """
    inverse = std**-2.0
    return float(np.roots([1.0, 7.0, 16.0 - inverse, 12.0 - inverse]).real.max())


def mixture(
    ends: Sequence[float], exponents: Sequence[float], end: float, exponent: float
) -> Mixture:
    """The sum of some averages that is nearest to another one.

    The weights are the least squares of appendix C.3, divided by their sum.

    Args:
        ends: the times at which the averages were taken, above 0, [N].
        exponents: of these averages, above -1/2, [N].
        end: the time of the wanted one.
        exponent: of the wanted one.
    """
    times, powers = np.asarray(ends, np.float64), np.asarray(exponents, np.float64)
    products = _product(times[:, None], powers[:, None], times, powers)
    wanted, square = (_product(t, p, end, exponent) for t, p in ((times, powers), (end, exponent)))
    norms = np.sqrt(np.diag(products))  # of equal norms, they are told apart best
    scaled = products / np.outer(norms, norms)
    weights = np.linalg.lstsq(scaled, wanted / norms, rcond=None)[0] / norms
    weights = weights / weights.sum()
    rest = weights @ products @ weights - 2 * weights @ wanted + square
    return Mixture(weights, float(np.sqrt(max(rest, 0.0) / square)))


def _product(t: np.ndarray, g: np.ndarray, u: np.ndarray, h: np.ndarray) -> np.ndarray:
    """The integral over time of the product of the profiles (t, g) and (u, h)."""
    later, last = np.maximum(t, u), np.where(np.less(t, u), h, g)
    return (g + 1) * (h + 1) / ((g + h + 1) * later) * (np.minimum(t, u) / later) ** last
