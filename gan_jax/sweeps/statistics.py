"""Statistics over training seeds: mean and spread, paired differences, the best of many runs."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

ENOUGH = 14  # runs; 15 % of them, rounded down, are two, the fewest with a spread


class Summary(NamedTuple):
    """A mean and the sample standard deviation (divided by count - 1; NaN for a single value)."""

    mean: float
    sd: float
    count: int


class Difference(NamedTuple):
    """A mean paired difference and its 95 % confidence interval (NaN for a single pair)."""

    mean: float
    low: float
    high: float
    count: int


def summary(values: Sequence[float]) -> Summary | None:
    """Mean and standard deviation; None without values."""
    if not values:
        return None
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    return Summary(float(np.mean(values)), sd, len(values))


def paired(values: Mapping[int, float], baseline: Mapping[int, float]) -> Difference | None:
    """values - baseline over the seeds that both have, with Student's 95 % interval.

    Runs of one seed share data order and latents, so that differences spread less than values.

    Args:
        values: values of one arm, by training seed.
        baseline: values of the other arm, by training seed.

    Returns:
        The difference; None if the arms have no seed in common.
    """
    # The quantile of Student's t, without the half second that importing scipy.stats takes.
    from scipy.special import stdtrit

    found = summary([values[seed] - baseline[seed] for seed in values if seed in baseline])
    if found is None:
        return None
    mean, sd, count = found
    half = float(stdtrit(count - 1, 0.975)) * sd / math.sqrt(count) if count > 1 else math.nan
    return Difference(mean, mean - half, mean + half, count)


def top(values: Sequence[float], *, higher: bool) -> Summary | None:
    """Mean and spread of the best 15 %, rounded down; None for fewer than 14 values.

    Zhao et al. 2020, arXiv 2006.02595, report the FID of the top 15 % of all trained models. They
    do not say how they round.
    """
    if len(values) < ENOUGH:
        return None
    return summary(sorted(values, reverse=higher)[: len(values) * 15 // 100])
