"""Contestants measured in alternating turns, so that a busy minute hits all of them alike."""

import math
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from gan_jax.runtime.progress import ProgressFn

Candidate = Callable[[int], object]  # takes that many steps and returns when they are finished


class Timings(NamedTuple):
    """What was measured.

    Attributes:
        seconds: of one step, float64 [turns], by contestant.
        steps: in one turn, by contestant.
    """

    seconds: dict[str, np.ndarray]
    steps: dict[str, int]


def interleave(
    candidates: Mapping[str, Candidate],
    repeats: int,
    *,
    least: float,
    clock: Callable[[], float] = time.perf_counter,
    tick: ProgressFn = lambda done, total: None,
) -> Timings:
    """Every contestant in turn, `repeats` times, in one order.

    Args:
        candidates: by name. Each first takes steps that do not count: it may compile, and shows
            how many steps make a turn.
        repeats: turns of each.
        least: seconds that a turn should last; a turn is one step where that lasts longer.
        clock: seconds.
        tick: sees turns of all contestants.
    """
    steps = {name: _steps(take, least, clock) for name, take in candidates.items()}
    seconds = {name: np.zeros(repeats) for name in candidates}
    for turn in range(repeats):
        tick(turn, repeats)
        for name, take in candidates.items():
            seconds[name][turn] = _timed(take, steps[name], clock) / steps[name]
    return Timings(seconds, steps)


def spread(values: np.ndarray) -> dict[str, float]:
    """Median, least and greatest of the turns."""
    return {name: float(f(values)) for name, f in SPREAD.items()}


SPREAD = {'median': np.median, 'min': np.min, 'max': np.max}


def _steps(take: Candidate, least: float, clock: Callable[[], float]) -> int:
    """How many steps last `least` seconds."""
    take(1)
    count, seconds = 1, _timed(take, 1, clock)
    # What an accelerator needs for one step is mostly the wait for it: only many tell.
    while seconds < least / 2:
        count *= 2
        seconds = _timed(take, count, clock)
    return max(1, math.ceil(count * least / seconds))


def _timed(take: Candidate, count: int, clock: Callable[[], float]) -> float:
    start = clock()
    take(count)
    return clock() - start
