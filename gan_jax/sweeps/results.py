"""The result of a run, read from its workdir."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax.experiment import config
from gan_jax.run import log
from gan_jax.runtime import workdir
from gan_jax.runtime.errors import UserError


class Result(NamedTuple):
    """The result of one run according to its files.

    Attributes:
        status: 'done', 'failed', 'unfinished' or 'missing'.
        step: the step that the run has reached; -1 if missing.
        evaluations: ((step, {metric: value, or None if not finite}), ...), ascending.
        reason: the error message of a failed run.
        final: True if the run needs no further training: it is done, or has diverged.
    """

    status: str
    step: int = -1
    evaluations: tuple[tuple[int, Mapping[str, float | None]], ...] = ()
    reason: str = ''
    final: bool = False

    @property
    def values(self) -> Mapping[str, float | None]:
        """The metrics at the last step of a finished run; {} for any other run.

        Looked up by the last step: if the log has lost its last row, the row before must not
        replace it.
        """
        return dict(self.evaluations).get(self.step, {}) if self.status == 'done' else {}


MISSING = Result('missing')


def read_result(folder: Path, steps: int) -> Result:
    """The result of the run in `folder`, whose last step is `steps`."""
    found = workdir.read_status(folder)
    if found is None:
        return MISSING
    status, step, reason = found['status'], found['step'], found.get('reason', '')
    rows = _evaluations(folder / log.NAME)
    if status == 'done' and step == steps:
        return Result('done', step, rows, final=True)
    if status == 'failed':
        return Result('failed', step, rows, reason, final=found.get('diverged') is True)
    return Result('unfinished', step, rows)


def changes(folder: Path, settings: Mapping[str, Any]) -> list[str]:
    """Differences between the run in `folder` and these settings, a line each; [] if it fits."""
    try:
        kept = workdir.read_config(folder)
        changed = config.differences(kept, settings, config.CHANGEABLE_IN_A_SWEEP)
    except UserError:  # no config, or a damaged one: training reports it
        changed = []
    # Not the step in status.json: one flipped bit can change it, and training writes it again.
    step = max(workdir.steps(folder / 'checkpoints'), default=0)
    if step > settings['steps']:
        changed.append(f'steps: it has gone to {step}, past {settings["steps"]}')
    return changed


def _evaluations(path: Path) -> tuple[tuple[int, Mapping[str, float | None]], ...]:
    """The readable evaluations; a run that is still training, or damaged, may have fewer."""
    found = []
    with contextlib.suppress(OSError):
        for row in log.read_rows(path):
            values = {k.removeprefix('eval/'): v for k, v in row.items() if k.startswith('eval/')}
            if values:
                found.append((row['step'], values))
    return tuple(found)
