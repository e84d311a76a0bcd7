"""One sitting of a sweep: its runs trained in turn, whatever becomes of each."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from gan_jax.errors import BUSY, DISK, UNWRITABLE, UserError
from gan_jax.signals import stop_on_signal
from gan_jax.sweeps import results
from gan_jax.sweeps.plan import Run

FATAL = (UNWRITABLE, DISK)  # every other run would meet it as well


class Outcome(NamedTuple):
    """What a sitting came to.

    Attributes:
        stopped: 130 or 143 when a signal ended it, else 0.
        failed: why runs failed, by their names.
        busy: the runs that another process holds.
    """

    stopped: int
    failed: Mapping[str, UserError]
    busy: Sequence[Run]


def sit(folder: Path, runs: Sequence[Run], after_each: Callable[[], object]) -> Outcome:
    """Trains the runs in turn, and in the end tries once more those that another process held.

    Args:
        folder: the sweep's; each run has its own below.
        runs: what is to be done.
        after_each: called when a run has ended.

    Raises:
        UserError: the disk is full or cannot be written to.
    """
    failed: dict[str, UserError] = {}
    seconds: list[float] = []
    waiting = list(runs)
    with stop_on_signal() as stopped:
        train = _trainer(folder, stopped) if runs else None
        for _ in range(2):
            busy = []
            for number, run in enumerate(waiting, 1):
                if results.read(folder / run.name, run.settings['steps']).final:
                    continue  # another process has done it meanwhile
                print(f'[{number}/{len(waiting)}] {run.name}', flush=True)
                begun = time.monotonic()
                try:
                    status = train(run)
                except UserError as error:
                    if error.status in FATAL:
                        raise
                    print(error, flush=True)
                    if error.status == BUSY:
                        busy.append(run)
                    else:
                        failed[run.name] = error
                else:
                    if status:
                        return Outcome(status, failed, busy)
                    seconds.append(time.monotonic() - begun)
                    print(_time_left(seconds, len(waiting) - number), flush=True)
                after_each()
            waiting = busy
    return Outcome(0, failed, waiting)


def _trainer(folder: Path, stopped: Callable[[], int]) -> Callable[[Run], int]:
    # Tables of finished runs need none of the packages that training does.
    from gan_jax.sweeps.programs import sharing
    from gan_jax.train import train

    assembled = sharing()

    def trained(run: Run) -> int:
        """0, or the status of the signal that stopped it."""
        parts = assembled(run.settings)
        # Takes seconds; a signal that comes before training has its own handler is seen here.
        parts.evaluation(run.settings['evaluate']['metrics'])
        return stopped() or train(parts, folder / run.name)

    return trained


def _time_left(seconds: Sequence[float], left: int) -> str:
    said = f'took {_duration(seconds[-1])}'
    # The median: runs that compile take longer than the others of their program.
    return f'{said}; {left} left, about {_duration(median(seconds) * left)}' if left else said


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f'{seconds:.0f} s'
    return f'{seconds / 60:.0f} min' if seconds < 6000 else f'{seconds / 3600:.1f} h'
