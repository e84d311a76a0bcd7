"""Interleaved timing: candidates take turns, so that a busy minute hits all of them alike."""

import math
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from gan_jax.runtime.progress import ProgressFn

Candidate = Callable[[int], object]  # takes that many steps and returns when they are finished


class Timings(NamedTuple):
    """The times of all candidates.

    Attributes:
        seconds: of one step, float64 [turns], by candidate.
        steps: in one turn, by candidate.
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
    """Times every candidate in turn, `repeats` times, in one order.

    Args:
        candidates: by name. Each first takes steps that are not counted, in which it may compile
            and the number of steps in a turn is found.
        repeats: turns of each.
        least: seconds that a turn should last; a turn has one step if the step lasts longer.
        clock: seconds.
        tick: called with the number of rounds, a turn of every candidate each.
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
    """The number of steps that last `least` seconds."""
    take(1)
    count, seconds = 1, _timed(take, 1, clock)
    # A single step on an accelerator is mostly the wait for it: only many are representative.
    while seconds < least / 2:
        count *= 2
        seconds = _timed(take, count, clock)
    return max(1, math.ceil(count * least / seconds))


def _timed(take: Candidate, count: int, clock: Callable[[], float]) -> float:
    start = clock()
    take(count)
    return clock() - start
