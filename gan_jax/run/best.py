"""The best checkpoint of a run so far, by one metric, kept beside the newest ones."""

import functools
import math
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gan_jax.evaluate import pixels
from gan_jax.evaluate.names import is_distance, parse_score
from gan_jax.experiment.schedule import everything
from gan_jax.runtime import brackets, checkpoint, distributed, output, workdir
from gan_jax.state import TrainState


def best_by(settings: Mapping[str, Any]) -> str:
    """The metric of the best checkpoint: the first distance in the config; '' if there is none."""
    return next(filter(is_distance, brackets.split(everything(settings), ',')), '')


def best_how(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings on which the metric's values depend and which a resumed run may change."""
    asked, metric = settings['evaluate'], best_by(settings)
    how = {name: asked[name] for name in ('weights', 'batch_norm')}
    if parse_score(metric) or pixels.knows(metric):  # the name says the number of images
        return how
    return {'num': asked['num'], **how}


class Best:
    """Compares the rows of metrics, and keeps a checkpoint of the state with the lowest value.

    Args:
        folder: folder of the one checkpoint; a checkpoint of an earlier process must be beaten.
        metric: name of the metric; '' keeps nothing.
        how: settings on which the metric's values depend, as JSON. A checkpoint with other settings
            is not compared: the best is chosen anew, with a message.
        submit: `Background.submit`.

    Attributes:
        found: the step of the best state if it has not been saved; else None.
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
        if value < self._least:  # False for NaN
            self._least, self.found = value, step

    def save(self, state: TrainState, step: int, metadata: Mapping[str, Any]) -> None:
        """Submits a save of the state, if its step is the best so far; removes the previous best.

        The submitted work raises UserError as `checkpoint.save`.
        """
        if step == self.found:
            best = {**self._by, 'value': self._least}
            metadata, on_host = {**metadata, 'seen': True, 'best': best}, distributed.on_host(state)
            if distributed.is_leader():
                self._submit(functools.partial(_write, self._folder, on_host, step, metadata))
            self.found = None


def _to_beat(folder: Path, by: Mapping[str, Any]) -> float:
    """The value of the existing checkpoint; infinite if none was found with these settings."""
    record = dict(_record(folder))
    value = record.pop('value', math.inf)
    if record in ({}, by):
        return value
    if by['metric']:
        output.note(
            f'the checkpoint in {folder} is the best by {_in_words(record)}; the best by '
            f'{_in_words(by)} is chosen from here on, and takes its place'
        )
    return math.inf


def _in_words(by: Mapping[str, Any]) -> str:
    metric, *how = by.items()
    return ', '.join([str(metric[1]), *(f'{name} {value}' for name, value in how)])


def _record(folder: Path) -> Mapping[str, Any]:
    """The 'best' entry in the metadata of the existing checkpoint; {} if there is none."""
    found = checkpoint.newest_metadata(folder)
    if found is None and workdir.steps(folder):
        output.note(
            f'the checkpoint in {folder} is damaged: the best state from here on takes '
            'its place, which may be a worse one'
        )
    return (found or {}).get('best', {})


def _write(folder: Path, state: TrainState, step: int, metadata: Mapping[str, Any]) -> None:
    # A killed process may have saved this very step before; the resumed run saves it again.
    shutil.rmtree(folder / str(step), ignore_errors=True)
    with checkpoint.manager(folder, keep=1) as checkpoints:
        checkpoint.save(checkpoints, state, metadata)
