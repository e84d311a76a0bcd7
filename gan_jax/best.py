"""The best checkpoint of a run so far, by one metric, beside its newest ones."""

import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_jax import checkpoint
from gan_jax.state import TrainState


class Best:
    """Looks at every row of metrics, and keeps the state of the one with the least value.

    Args:
        folder: for one checkpoint; that of an earlier process is to be beaten.
        metric: its name; '' keeps nothing.

    Attributes:
        found: the step that is the best and has not been saved; None where there is none.
    """

    def __init__(self, folder: Path, metric: str):
        self._folder, self._metric, self.found = folder, metric, None
        record = (checkpoint.facts(folder) or {}).get('best', {})
        self._least = record['value'] if record.get('metric') == metric else math.inf

    def look(self, row: Mapping[str, float], step: int) -> None:
        """Notes whether the step is the best so far."""
        value = row.get(f'eval/{self._metric}', math.nan)
        if value < self._least:  # which a NaN is not
            self._least, self.found = value, step

    def save(self, state: TrainState, step: int, facts: Mapping[str, Any]) -> None:
        """Writes the state if its step is the best so far, and then removes the one before.

        Raises:
            UserError: as `checkpoint.save`.
        """
        if step == self.found:
            best = {'metric': self._metric, 'value': self._least}
            # A resumed run may find the step better than the process that was killed has.
            shutil.rmtree(self._folder / str(step), ignore_errors=True)
            with checkpoint.manager(self._folder, keep=1) as checkpoints:
                checkpoint.save(checkpoints, state, {**facts, 'seen': True, 'best': best})
            self.found = None
