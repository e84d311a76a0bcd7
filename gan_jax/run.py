"""A run in its workdir: what it starts from, what is due at a step, and all that it writes.

The loop that trains one run, `train.train`, and that of several as one population,
`sweeps.together`, share it.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orbax.checkpoint as ocp

from gan_jax import checkpoint, config, data, observe, workdir
from gan_jax.errors import UserError
from gan_jax.parts import Parts
from gan_jax.state import TrainState
from gan_jax.writers import JsonlWriter, TensorBoardWriter, TerminalWriter, Writers

Facts = Mapping[str, Any]


def facts_of(parts: Parts) -> Facts:
    """What a checkpoint says of its run, and a resumed run must have in common with it."""
    return {'config': parts.settings, 'data': data.digest(parts.dataset)}


def due(step: int, settings: Mapping[str, Any]) -> set[str]:
    """What is to be done at a step, of 'log', 'sample', 'evaluate' and 'checkpoint'.

    At the last one that is everything; before the first there is nothing to log or to save.
    """
    every = settings['every']
    if step == settings['steps']:
        return {'log', 'sample', 'evaluate', 'checkpoint'}
    wanted = {'evaluate'} if step == 0 else {'log', 'evaluate', 'checkpoint'}
    found = {name for name in wanted if step % every[name] == 0}
    return found | ({'sample'} if observe.picture_due(step, every['sample']) else set())


def resume(
    parts: Parts, folder: Path, facts: Facts, *, step: int | None = None
) -> checkpoint.Restored | None:
    """The newest valid checkpoint of this very experiment, or that of `step`.

    Only for the process that holds the workdir: damaged checkpoints are moved out of the way.

    Returns:
        None when there has never been one.

    Raises:
        UserError: the workdir holds another run, or as `checkpoint.restore`.
    """
    checkpoints = folder / 'checkpoints'
    if (folder / 'config.json').exists() and any(checkpoints.glob('[0-9]*')):
        _refuse_changes(folder, workdir.read_config(folder), facts['config'])
    restored = checkpoint.restore(checkpoints, parts.program.shapes, step=step, quarantine=True)
    if restored is None:
        return None
    for damaged in restored.damaged:
        print(f'gan_jax: the checkpoint of step {damaged} is damaged; moved to {folder}/quarantine')
    _refuse_changes(folder, restored.facts['config'], facts['config'])
    if restored.facts['data'] != facts['data']:
        raise UserError(
            f'the images of config.data are not those that {folder} was trained on: '
            'restore them, or start again with another --workdir'
        )
    return restored


class Run:
    """A run that is under way; `opened` makes it.

    Attributes:
        failed: why it has ended before its last step; None while it has not.
    """

    def __init__(
        self,
        parts: Parts,
        folder: Path,
        facts: Facts,
        restored: checkpoint.Restored | None,
        stopped: Callable[[], int],
        writers: Writers,
        checkpoints: ocp.CheckpointManager,
    ):
        self.failed: UserError | None = None
        self._parts, self._folder, self._facts, self._stopped = parts, folder, facts, stopped
        self._writers, self._checkpoints = writers, checkpoints
        self._step = self._saved = restored.step if restored else 0
        self._seen = _seen(restored)
        self._mark = time.monotonic(), self._step

    def look(self, state: TrainState, step: int) -> bool:
        """Writes what is due at a step, at most once.

        Returns:
            Whether the window of `state.metrics` ends here, and they are to start again.

        Raises:
            UserError: the run has diverged.
        """
        if self.failed or self._seen == step:
            return False
        self._step = step
        # At most one row of metrics.jsonl for a step: a resumed run must write the same.
        row, now, settings = {}, due(step, self._parts.settings), self._parts.settings
        if 'log' in now:
            count = settings['d_steps'] * settings['batch_size']
            row |= observe.means(state.metrics, step) | observe.rates(self._mark, step, count)
        if 'sample' in now:
            images = self._parts.generate(state.ema, settings['seed'], observe.GRID)
            observe.write_picture(self._folder, step, images, self._writers)
        if 'evaluate' in now:
            row |= self._evaluated(state)
        if self._stopped():
            return False
        self._seen = step
        if row:
            self._writers.write_scalars(step, row)
            self._mark = time.monotonic(), step
        return 'log' in now

    def save(self, state: TrainState, step: int) -> None:
        """Writes a checkpoint of the step, unless there is one or the run has failed.

        Raises:
            UserError: as `checkpoint.save`.
        """
        if self.failed is None and step != self._saved:
            facts = {**self._facts, 'seen': self._seen == step}
            checkpoint.save(self._checkpoints, state, facts)
            self._saved = step

    def fail(self, error: UserError) -> None:
        """Notes why the run has ended; the first reason stays, and nothing more is written."""
        if self.failed is None:
            self.failed = error
            reason = {'reason': str(error), 'exit': error.status}
            with contextlib.suppress(OSError):
                workdir.write_status(self._folder, 'failed', self._step, **reason)

    def conclude(self) -> None:
        """Says how far the run has come."""
        stopped, step = self._stopped(), self._step
        workdir.write_status(self._folder, 'stopped' if stopped else 'done', step)
        if stopped:
            said = f'saved step {step} in {self._folder}; the same command goes on from there'
        else:
            said = f'done: {step} steps in {self._folder}'
        print(said, flush=True)

    def _evaluated(self, state: TrainState) -> dict[str, float]:
        settings = self._parts.settings
        evaluation = self._parts.evaluation(**settings['evaluate'])
        batches = self._parts.generate(state.ema, settings['seed'], evaluation.num)
        images = observe.collect(batches, self._stopped)
        if images is None:
            return {}
        values = evaluation.measure(images, state.d.variables)
        return {f'eval/{name}': value for name, value in values.items()}


@contextlib.contextmanager
def opened(
    parts: Parts,
    folder: Path,
    facts: Facts,
    restored: checkpoint.Restored | None,
    stopped: Callable[[], int],
    *,
    shown: bool = True,
) -> Iterator[Run]:
    """The run in a workdir that this process holds, from what it resumes; closed in the end.

    Args:
        parts: of the run.
        folder: its workdir.
        facts: from `facts_of`.
        restored: from `resume`.
        stopped: from `signals.stop_on_signal`.
        shown: whether it has the terminal.
    """
    settings, since = parts.settings, _seen(restored)
    workdir.write_json(folder / 'config.json', settings)
    if parts.subset is not None:
        workdir.write_json(folder / 'subset.json', parts.subset.tolist())
    workdir.write_status(folder, 'running', restored.step if restored else 0)
    with contextlib.ExitStack() as files:
        writers = _writers(folder, settings, since, shown)
        files.callback(writers.close)
        checkpoints = files.enter_context(checkpoint.manager(folder / 'checkpoints'))
        run = Run(parts, folder, facts, restored, stopped, writers, checkpoints)
        try:
            yield run
        except UserError as error:
            run.fail(error)
            raise
        writers.close()  # the live bar ends before the last words
        if run.failed is None:
            run.conclude()


def _seen(restored: checkpoint.Restored | None) -> int:
    """The last step of which everything that is due has been written; -1 when there is none.

    A signal during an evaluation leaves it undone, and the resumed run does it first.
    """
    if restored is None:
        return -1
    return restored.step if restored.facts['seen'] else restored.step - 1


def _refuse_changes(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    changed = config.differences(old, new)
    if changed:
        raise UserError(
            f'{folder} holds a run of another config; give it back, or choose another --workdir:\n'
            + '\n'.join(f'  {line}' for line in changed)
        )


def _writers(folder: Path, settings: Mapping[str, Any], since: int, shown: bool) -> Writers:
    files = [
        JsonlWriter(folder / 'metrics.jsonl', since),
        TensorBoardWriter(folder / 'tensorboard', since),
    ]
    terminal = [TerminalWriter(settings['steps'], max(since, 0))] if shown else []
    writers = Writers([*files, *terminal])
    writers.write_hparams(settings)
    return writers
