"""The best checkpoint of a run so far, by one metric, beside its newest ones."""

import functools
import math
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gan_jax.evaluate.names import is_distance, parse_score
from gan_jax.experiment.schedule import everything
from gan_jax.runtime import checkpoint, distributed, workdir
from gan_jax.state import TrainState


def best_by(settings: Mapping[str, Any]) -> str:
    """The metric of the best checkpoint: the first distance that is measured; '' when none is."""
    return next(filter(is_distance, everything(settings['evaluate']).split(',')), '')


def best_how(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings behind the values of that metric, of those that a resumed run may change."""
    asked, metric = settings['evaluate'], best_by(settings)
    how = {name: asked[name] for name in ('weights', 'batch_norm')}
    if parse_score(metric):  # the name of a score says the number of images
        return how
    return {'num': asked['num'], **how}


class Best:
    """Looks at every row of metrics, and keeps the state of the one with the least value.

    Args:
        folder: for one checkpoint; that of an earlier process is to be beaten.
        metric: its name; '' keeps nothing.
        how: what its values depend on beside the state, as JSON. One that was found otherwise is no
            rival: the best is chosen anew, which is said.
        submit: what has a piece of work done, as `Background.submit`.

    Attributes:
        found: the step that is the best and has not been saved; None where there is none.
    """

    def __init__(
        self,
        folder: Path,
        metric: str,
        how: Mapping[str, Any],
        submit: Callable[[Callable[[], None]], None],
    ):
        self._folder, self._submit, self.found = folder, submit, None
        self._metric, self._by = metric, {'metric': metric, **how}
        self._least = distributed.broadcast_json(lambda: _to_beat(folder, self._by))

    def on_step(self, row: Mapping[str, float], step: int) -> None:
        """Notes whether the step is the best so far."""
        value = row.get(f'eval/{self._metric}', math.nan)
        if value < self._least:  # which a NaN is not
            self._least, self.found = value, step

    def save(self, state: TrainState, step: int, metadata: Mapping[str, Any]) -> None:
        """Has the state written if its step is the best so far, and then the one before removed.

        The work raises UserError as `checkpoint.save`.
        """
        if step == self.found:
            best = {**self._by, 'value': self._least}
            metadata, on_host = {**metadata, 'seen': True, 'best': best}, distributed.on_host(state)
            if distributed.is_leader():
                self._submit(functools.partial(_write, self._folder, on_host, step, metadata))
            self.found = None


def _to_beat(folder: Path, by: Mapping[str, Any]) -> float:
    """The value of the checkpoint that is there; infinite where none was found in that way."""
    record = dict(_record(folder))
    value = record.pop('value', math.inf)
    if record in ({}, by):
        return value
    if by['metric']:
        print(
            f'gan_jax: the checkpoint in {folder} is the best by {_said(record)}; the best by '
            f'{_said(by)} is chosen from here on, and takes its place',
            file=sys.stderr,
        )
    return math.inf


def _said(by: Mapping[str, Any]) -> str:
    metric, *how = by.items()
    return ', '.join([str(metric[1]), *(f'{name} {value}' for name, value in how)])


def _record(folder: Path) -> Mapping[str, Any]:
    """The note of `Best.save` on the checkpoint that is there; {} where there is none."""
    found = checkpoint.newest_metadata(folder)
    if found is None and workdir.steps(folder):
        print(
            f'gan_jax: the checkpoint in {folder} is damaged: the best state from here on takes '
            'its place, which may be a worse one',
            file=sys.stderr,
        )
    return (found or {}).get('best', {})


def _write(folder: Path, state: TrainState, step: int, metadata: Mapping[str, Any]) -> None:
    # A resumed run may find the step better than the process that was killed has.
    shutil.rmtree(folder / str(step), ignore_errors=True)
    with checkpoint.manager(folder, keep=1) as checkpoints:
        checkpoint.save(checkpoints, state, metadata)
