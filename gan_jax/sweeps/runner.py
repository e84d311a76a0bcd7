"""The runner of a sweep: trains runs one after another; a failed run does not stop the others."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from gan_jax.runtime import output
from gan_jax.runtime.errors import BUSY, DISK, UNWRITABLE, UserError
from gan_jax.runtime.progress import duration
from gan_jax.runtime.signals import stop_on_signal
from gan_jax.sweeps import results
from gan_jax.sweeps.grid import SweepRun
from gan_jax.sweeps.groups import members

FATAL = (UNWRITABLE, DISK)  # every other run would fail as well


class Outcome(NamedTuple):
    """The outcome of `run_all`.

    Attributes:
        stopped: 129, 130 or 143 if a signal stopped it, else 0.
        failed: errors of failed runs, by the runs' names.
        busy: the runs that another process holds.
    """

    stopped: int
    failed: Mapping[str, UserError]
    busy: Sequence[SweepRun]


def run_all(
    folder: Path, runs: Sequence[SweepRun], count: int, after_each: Callable[[], object]
) -> Outcome:
    """Trains runs one after another, and at the end retries runs that another process held.

    Args:
        folder: the sweep's workdir, with a folder for each run.
        runs: the runs to train.
        count: the largest number of runs to train together as a population.
        after_each: called when a run or a population has ended.

    Raises:
        UserError: the disk is full or cannot be written to.
    """
    failed: dict[str, UserError] = {}
    seconds: list[float] = []
    waiting = list(runs)
    with stop_on_signal() as stopped:
        train = _trainer(folder, stopped) if runs else None
        for _ in range(2):
            busy, left = [], waiting
            while left:
                chosen = members(folder, left, count)
                left = [run for run in left if run not in chosen]
                chosen = [run for run in chosen if not _is_final(folder, run)]
                if not chosen:
                    continue  # another process has done it meanwhile
                for run in chosen:
                    output.say(f'[{waiting.index(run) + 1}/{len(waiting)}] {run.name}')
                begun = time.monotonic()
                status, errors, apart = train(chosen)
                for name, error in errors.items():
                    output.say(f'{error}')
                    if error.status != BUSY:
                        failed[name] = error
                if status:
                    return Outcome(status, failed, busy)
                sound = [run for run in chosen if run.name not in errors]
                busy += [run for run in chosen if run.name in errors and run.name not in failed]
                if apart:
                    left = sound + left
                elif sound:
                    took = time.monotonic() - begun
                    seconds += [took / len(sound)] * len(sound)
                    output.say(_time_left(took, seconds, len(left)))
                after_each()
            waiting = busy
    return Outcome(0, failed, waiting)


def _is_final(folder: Path, run: SweepRun) -> bool:
    return results.read_result(folder / run.name, run.settings['steps']).final


def _trainer(folder: Path, stopped: Callable[[], int]) -> Callable[[Sequence[SweepRun]], tuple]:
    """A function that trains one run, or several as a population -> `train_population.Ended`."""
    # Imported here, since the tables of a finished sweep need none of these packages.
    from gan_jax.experiment.schedule import evaluations
    from gan_jax.runtime.progress import Stopped, bar, cancellable
    from gan_jax.sweeps import train_population
    from gan_jax.sweeps.shared import population_factory, shared_setups
    from gan_jax.train import train

    setup_of, population_of = shared_setups(cancellable(stopped, bar)), population_factory()

    def train_runs(runs):
        try:
            setups = {}
            for run in runs:
                setups[run.name], evaluator = setup_of(run.settings)  # one evaluator for a group
                for metrics in evaluations(run.settings).values():
                    evaluator.prepare(metrics)
            # A signal may have come before training has its own handler.
            if stopped():
                return train_population.Ended(stopped())
            if len(runs) > 1:
                return train_population.train_population(folder, setups, evaluator, population_of)
            [(name, setup)] = setups.items()
            return train_population.Ended(train(setup, evaluator, folder / name))
        except Stopped:
            return train_population.Ended(stopped())
        except UserError as error:
            if error.status in FATAL:
                raise
            return train_population.Ended(0, {run.name: error for run in runs})

    return train_runs


def _time_left(took: float, seconds: Sequence[float], left: int) -> str:
    text = f'took {duration(took)}'
    # The median, since the first run of each program takes longer: it compiles.
    return f'{text}; {left} left, about {duration(median(seconds) * left)}' if left else text
