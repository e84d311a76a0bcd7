"""The best checkpoint of a run so far, by one metric, beside its newest ones."""

import functools
import math
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gan_jax import checkpoint, cluster, workdir
from gan_jax.state import TrainState


class Best:
    """Looks at every row of metrics, and keeps the state of the one with the least value.

    Args:
        folder: for one checkpoint; that of an earlier process is to be beaten.
        metric: its name; '' keeps nothing.
        submit: what has a piece of work done, as `Background.submit`.

    Attributes:
        found: the step that is the best and has not been saved; None where there is none.
    """

    def __init__(self, folder: Path, metric: str, submit: Callable[[Callable[[], None]], None]):
        self._folder, self._metric, self._submit, self.found = folder, metric, submit, None
        record = cluster.agreed(lambda: _record(folder))
        self._least = record['value'] if record.get('metric') == metric else math.inf

    def look(self, row: Mapping[str, float], step: int) -> None:
        """Notes whether the step is the best so far."""
        value = row.get(f'eval/{self._metric}', math.nan)
        if value < self._least:  # which a NaN is not
            self._least, self.found = value, step

    def save(self, state: TrainState, step: int, facts: Mapping[str, Any]) -> None:
        """Has the state written if its step is the best so far, and then the one before removed.

        The work raises UserError as `checkpoint.save`.
        """
        if step == self.found:
            best = {'metric': self._metric, 'value': self._least}
            facts, on_host = {**facts, 'seen': True, 'best': best}, cluster.on_host(state)
            if cluster.leads():
                self._submit(functools.partial(_write, self._folder, on_host, step, facts))
            self.found = None


def _record(folder: Path) -> Mapping[str, Any]:
    """The metric and its value of the checkpoint that is to be beaten; {} where there is none."""
    found = checkpoint.facts(folder)
    if found is None and workdir.steps(folder):
        print(
            f'gan_jax: the checkpoint in {folder} is damaged: the best state from here on takes '
            'its place, which may be a worse one',
            file=sys.stderr,
        )
    return (found or {}).get('best', {})


def _write(folder: Path, state: TrainState, step: int, facts: Mapping[str, Any]) -> None:
    # A resumed run may find the step better than the process that was killed has.
    shutil.rmtree(folder / str(step), ignore_errors=True)
    with checkpoint.manager(folder, keep=1) as checkpoints:
        checkpoint.save(checkpoints, state, facts)
