"""A run in its workdir: everything that it writes, step by step.

Both training loops use it: `train.train` for one run, and `sweeps.train_population` for several.
"""

import contextlib
import functools
import shutil
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import orbax.checkpoint as ocp

from gan_jax import data
from gan_jax.experiment import memory
from gan_jax.experiment.schedule import due, evaluations
from gan_jax.experiment.setup import Setup
from gan_jax.run import alarms, evaluation, log, observe
from gan_jax.run.background import Background
from gan_jax.run.best import Best, best_by, best_how
from gan_jax.run.evaluation import Evaluator
from gan_jax.run.resume import Fingerprint
from gan_jax.runtime import checkpoint, distributed, tensorboard, workdir
from gan_jax.runtime.errors import Diverged, UserError, fault_of, printable, sentence
from gan_jax.runtime.progress import Stopped, cancellable
from gan_jax.runtime.writers import TerminalWriter, Writers
from gan_jax.state import TrainState


class Run:
    """A run that is under way; made by `opened`.

    Pictures and checkpoints are written in the background, in the order of the calls. When a
    checkpoint exists, the pictures and log rows before it exist too, even after a loss of power.
    The next call raises the exception of a failed background write.

    Attributes:
        failed: the error that ended the run before its last step; None without one.
        status: the result of `stopped` when the run was concluded.
    """

    def __init__(
        self,
        setup: Setup,
        evaluator: Evaluator,
        folder: Path,
        fingerprint: Fingerprint,
        restored: checkpoint.Restored | None,
        stopped: Callable[[], int],
        rows: log.Log,
        writers: Writers,
        checkpoints: ocp.CheckpointManager,
        best: Best,
        background: Background,
    ):
        self.failed: UserError | None = None
        self.status = 0
        self._setup, self._evaluator, self._folder = setup, evaluator, folder
        self._fingerprint, self._stopped = fingerprint, stopped
        self._log, self._writers, self._checkpoints, self._best = rows, writers, checkpoints, best
        self._background, self._saving = background, None
        self._step = self._saved = restored.step if restored else 0
        self._committed = restored.step if restored else None
        self._failed_evaluation: Mapping[str, str] = {}  # entry of status.json for the last one
        self._warnings = _warnings(folder) if restored else []
        self._telling = threading.Lock()
        self._seen = _seen(restored)
        self._mark = time.monotonic(), self._step

    def on_step(self, state: TrainState, step: int) -> bool:
        """Logs, samples and evaluates as due at a step, at most once.

        A run that has been asked to stop skips this, since it may take long. The resumed run does
        it first.

        Returns:
            True if the window of `state.metrics` ends here, so that the caller resets them.

        Raises:
            UserError: the run has diverged, or an earlier write has failed.
        """
        if self.failed or self._seen == step or self._stopped():
            return False
        self._background.check()
        self._step = step
        # At most one row of metrics.jsonl per step: a resumed run must write the same.
        row, now, settings = {}, due(step, self._setup.settings), self._setup.settings
        own = distributed.local_view(state) if now else state
        if 'log' in now:
            count = settings['d_steps'] * settings['batch_size']
            means = observe.means(own.metrics, step)
            self.warn(alarms.blown_up(means, step))
            row |= means | observe.rates(self._mark, step, count)
        if 'sample' in now:
            images = self._setup.generate(own, settings['seed'], range(observe.GRID))
            self._submit(self._show, step, images)
        try:
            row |= self._evaluated(own, now)
        except Stopped:
            return False
        self._seen = step
        self._best.on_step(row, step)
        if row:
            self._writers.write_scalars(step, row)
            self._mark = time.monotonic(), step
        return 'log' in now

    def save(self, state: TrainState, step: int) -> None:
        """Submits a checkpoint of the step, unless there is one or the run has failed.

        The state has been copied from the device when this returns. A second save waits for the
        first, so that a killed run loses less than two intervals.

        Raises:
            UserError: an earlier write has failed.
        """
        if self.failed is not None:
            return
        self._step = step  # `on_step` may have skipped it
        if step != self._saved:
            if self._saving is not None:
                self._saving.result()
            fingerprint, on_host = self._metadata_at(self._seen == step), distributed.on_host(state)
            if distributed.is_leader():
                self._saving = self._submit(self._commit, on_host, fingerprint, step)
            self._saved = step

    @property
    def improved(self) -> bool:
        """True if `on_step` has found a best state that `save_best` has not yet saved."""
        return self.failed is None and self._best.found is not None

    def save_best(self, state: TrainState, step: int) -> None:
        """Saves the state as the best checkpoint, if `on_step` has found its step the best so far.

        To be called before `save`: a run that is killed between the two evaluates the step again.

        Raises:
            UserError: as `save`.
        """
        if self.improved:
            self._submit(self._writers.sync)
            self._best.save(state, step, self._metadata_at(True))

    def finish(self) -> None:
        """Waits until everything is on the disk, unless the run has failed.

        Raises:
            UserError: as `checkpoint.save`.
        """
        if self.failed is None:
            self._background.drain()

    def fail(self, error: UserError) -> UserError:
        """Records an error in status.json; only the first counts, and nothing more is written.

        Returns:
            The error; if the run has diverged, with the last good checkpoint and advice.
        """
        final = {}
        if isinstance(error, Diverged):
            with contextlib.suppress(Exception):
                self._background.drain()  # a checkpoint on its way counts
            error, final = self._advised(error), {'diverged': True}
        with self._telling:
            if self.failed is None:
                self.failed = error
                with contextlib.suppress(OSError):
                    self._write_status('failed', reason=str(error), exit=error.status, **final)
        return error

    def _advised(self, error: Diverged) -> UserError:
        newest = self._committed if distributed.is_leader() else self._saved or None
        left = 'no checkpoint has been saved'
        if newest is not None:
            left = (
                f'the checkpoint of step {newest} is the last with finite numbers, for sample and '
                'evaluate'
            )
        optim = self._setup.settings['optim']
        rates = {side: optim[side]['learning_rate'] / 2 for side in 'gd'}
        lower = ' '.join(f'--config.optim.{side}.learning_rate={r:g}' for side, r in rates.items())
        return UserError(
            f'{error}; {left}. Begin another run with lower learning rates, such as {lower}, by '
            'another --workdir, or by --restart in this one',
            error.status,
        )

    def tell(self, status: str) -> None:
        """Writes status.json with the step and the newest checkpoint, unless the run has failed."""
        with self._telling:
            if self.failed is None:
                self._write_status(status)

    def warn(self, warning: str) -> None:
        """Prints a warning and keeps it in status.json; each kind once. '' is no warning.

        Args:
            warning: a sentence that begins with its kind and a colon.
        """
        warning = printable(warning)
        with self._telling:
            known = {_kind(one) for one in self._warnings}
            if self.failed is not None or not warning or _kind(warning) in known:
                return
            self._warnings.append(warning)
            self._write_status('running')
        self._print_warning(warning)

    def conclude(self) -> None:
        """Writes the final status and prints the step that the run has reached."""
        self.status, step = self._stopped(), self._step
        self.tell('stopped' if self.status else 'done')
        if self.status:
            saved = 'saved' if self._committed == step else 'stopped at'
            message = f'{saved} step {step} in {self._folder}; the same command goes on from there'
        else:
            message = f'done: {step} steps in {self._folder}'
        if distributed.is_leader():
            print(message, flush=True)
        for warning in () if self.status else self._warnings:
            self._print_warning(warning)

    def _print_warning(self, warning: str) -> None:
        if distributed.is_leader():
            with contextlib.suppress(OSError):  # stderr may be closed
                print(f'gan_jax: warning of {self._folder}: {warning}', file=sys.stderr, flush=True)

    def _show(self, step: int, images: Iterator[np.ndarray]) -> None:
        drawn = np.concatenate(list(images))
        observe.write_picture(self._folder, step, drawn, self._writers)
        self.warn(alarms.collapsed(drawn, self._real_spread, step))

    @functools.cached_property
    def _real_spread(self) -> float:
        return alarms.spread(self._setup.dataset.images)

    def _metadata_at(self, seen: bool) -> Fingerprint:
        return {**self._fingerprint, 'seen': seen, 'log': self._log.mark}

    def _commit(self, state: TrainState, fingerprint: Fingerprint, step: int) -> None:
        self._writers.sync()
        checkpoint.save(self._checkpoints, state, fingerprint)
        self._committed = step
        self.tell('running')

    def _write_status(self, status: str, **more: Any) -> None:
        known = {'checkpoint': self._committed, **self._failed_evaluation}
        if self._warnings:
            known['warnings'] = self._warnings
        workdir.write_status(self._folder, status, self._step, **known, **more)

    def _submit(self, work: Callable[..., object], *arguments: Any) -> Future:
        return self._background.submit(functools.partial(work, *arguments))

    def _evaluated(self, state: TrainState, now: Collection[str]) -> dict[str, float]:
        """The metrics that are due, by 'eval/<name>'. A metric that fails is NaN; the run goes on.

        Raises:
            Stopped: a signal came during the evaluation.
        """
        asked = evaluations(self._setup.settings)
        when = next((name for name in ('full', 'evaluate') if name in now and name in asked), None)
        if when is None:
            return {}
        # An evaluation may take minutes, and half of one gives no number: a signal cancels it.
        progress, seed = cancellable(self._stopped), self._setup.settings['seed']
        wrong: list[str] = []

        def failed(names: Sequence[str], error: Exception) -> None:
            wrong.append(f'{", ".join(names)} failed at step {self._step}: {sentence(error)}')

        values = evaluation.evaluate(
            self._setup, self._evaluator, asked[when], state, seed, progress, failed
        )
        # All processes must choose the same best checkpoint, so the exact values are broadcast.
        values, wrong = distributed.broadcast_json(lambda: [values, wrong])
        self._note_failed('; '.join(wrong))
        return {f'eval/{name}': value for name, value in values.items()}

    def _note_failed(self, why: str) -> None:
        """Records failed metrics in the row and in status.json; '' records none."""
        failed = {'eval_failed': why} if why else {}
        if failed:
            self._writers.write_texts(self._step, failed)
        if failed != self._failed_evaluation:
            self._failed_evaluation = failed
            self.tell('running')


@contextlib.contextmanager
def opened(
    setup: Setup,
    evaluator: Evaluator,
    folder: Path,
    fingerprint: Fingerprint,
    restored: checkpoint.Restored | None,
    stopped: Callable[[], int],
    *,
    shown: bool = True,
) -> Iterator[Run]:
    """Opens a run in a workdir that this process holds, new or resumed, and closes it at the end.

    Args:
        setup: the setup of the run.
        evaluator: the evaluator of the run.
        folder: the workdir; in processes other than the leader, a temporary folder.
        fingerprint: from `resume.fingerprint`.
        restored: from `resume.resume`.
        stopped: from `signals.stop_on_signal`.
        shown: True if the run shows its progress in the terminal.

    Raises:
        UserError: the training inside ran out of device memory, among other errors.
    """
    settings, since = setup.settings, _seen(restored)
    workdir.write_json(folder / 'config.json', settings)
    if setup.subset is not None:
        workdir.write_json(folder / 'subset.json', setup.subset.tolist())
    if names := setup.dataset.class_names:
        workdir.write_json(folder / 'classes.json', dict(enumerate(names)))
    if restored is None:  # best/0 of an earlier run with this workdir is of another initial state
        shutil.rmtree(folder / 'best' / '0', ignore_errors=True)
    with contextlib.ExitStack() as files:
        written = restored.metadata.get('log') if restored and distributed.is_leader() else None
        rows = log.Log(folder / log.NAME, since, written)
        files.callback(rows.close)
        writers = _writers(folder, settings, since, rows, shown)
        files.callback(writers.close)
        checkpoints = files.enter_context(checkpoint.manager(folder / 'checkpoints'))
        background = Background()
        files.callback(background.close)  # before what it writes to
        best = Best(folder / 'best', best_by(settings), best_how(settings), background.submit)
        run = Run(
            *(setup, evaluator, folder, fingerprint, restored, stopped),
            *(rows, writers, checkpoints, best, background),
        )
        run.tell('running')
        if fault := data.content_fault(setup.dataset):
            run.warn(f'no content: {fault}')
        try:
            with memory.advising(settings):
                yield run
            run.finish()
        except Diverged as error:
            raise run.fail(error) from error
        except (UserError, OSError) as error:
            run.fail(fault_of(error))
            raise
        background.close()  # after a failure it may still be writing
        writers.close()  # the live bar ends before the last message
        if run.failed is None:
            run.conclude()


def _seen(restored: checkpoint.Restored | None) -> int:
    """The last step with everything due at it written; -1 if there is none.

    A signal during an evaluation leaves the evaluation undone, and the resumed run does it first.
    """
    if restored is None:
        return -1
    return restored.step if restored.metadata['seen'] else restored.step - 1


def _warnings(folder: Path) -> list[str]:
    """The warnings in status.json of the resumed run."""
    kept = (workdir.read_status(folder) or {}).get('warnings')
    return [one for one in kept if isinstance(one, str)] if isinstance(kept, list) else []


def _kind(warning: str) -> str:
    return warning.partition(':')[0]


def _writers(
    folder: Path, settings: Mapping[str, Any], since: int, rows: log.Log, shown: bool
) -> Writers:
    terminal = [TerminalWriter(settings['steps'], max(since, 0))] if shown else []
    writers = Writers([rows, tensorboard.Events(folder / 'tensorboard', since), *terminal])
    writers.write_hparams(settings)
    return writers
