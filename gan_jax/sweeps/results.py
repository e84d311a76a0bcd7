"""What came of a run, read from its workdir."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax.experiment import config
from gan_jax.run import log
from gan_jax.runtime import workdir
from gan_jax.runtime.errors import UserError


class Result(NamedTuple):
    """One run as its files tell it.

    Attributes:
        status: 'done', 'failed', 'unfinished' or 'missing'.
        step: that it has reached; -1 when missing.
        evaluations: ((step, {metric: value, or None where it was not finite}), ...), ascending.
        reason: of a failure.
        final: whether to try again is of no use: it is done, or it has diverged.
    """

    status: str
    step: int = -1
    evaluations: tuple[tuple[int, Mapping[str, float | None]], ...] = ()
    reason: str = ''
    final: bool = False

    @property
    def values(self) -> Mapping[str, float | None]:
        """The metrics at the last step of a run that is done; {} of any other.

        Of a log that has lost its last row the one before would pass for it.
        """
        return dict(self.evaluations).get(self.step, {}) if self.status == 'done' else {}


MISSING = Result('missing')


def read_result(folder: Path, steps: int) -> Result:
    """The result of the run in `folder`, which is to go to `steps`."""
    told = workdir.read_status(folder)
    if told is None:
        return MISSING
    status, step, reason = told['status'], told['step'], told.get('reason', '')
    rows = _evaluations(folder / log.NAME)
    if status == 'done' and step == steps:
        return Result('done', step, rows, final=True)
    if status == 'failed':
        return Result('failed', step, rows, reason, final=told.get('diverged') is True)
    return Result('unfinished', step, rows)


def changes(folder: Path, settings: Mapping[str, Any]) -> list[str]:
    """What keeps the run in `folder` from being the one of these settings, a line each."""
    try:
        kept = workdir.read_config(folder)
        changed = config.differences(kept, settings, config.CHANGEABLE_IN_A_SWEEP)
    except UserError:  # none, or damaged: whoever trains the run says so
        changed = []
    # Not what its status says, which a bit can change: whoever trains it writes that again.
    step = max(workdir.steps(folder / 'checkpoints'), default=0)
    if step > settings['steps']:
        changed.append(f'steps: it has gone to {step}, past {settings["steps"]}')
    return changed


def _evaluations(path: Path) -> tuple[tuple[int, Mapping[str, float | None]], ...]:
    """What can be read: a run that is going on, or was damaged, may have left less."""
    found = []
    with contextlib.suppress(OSError):
        for row in log.read_rows(path):
            values = {k.removeprefix('eval/'): v for k, v in row.items() if k.startswith('eval/')}
            if values:
                found.append((row['step'], values))
    return tuple(found)
