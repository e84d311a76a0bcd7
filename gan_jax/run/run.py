"""A run in its workdir: everything that it writes, step by step.

Both training loops use it: `train.train` for one run, and `sweeps.train_population` for several.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import orbax.checkpoint as ocp

from gan_jax import data
from gan_jax.experiment import memory
from gan_jax.experiment.schedule import due
from gan_jax.experiment.setup import Setup
from gan_jax.run import alarms, evaluation, log, observe, place, snapshots
from gan_jax.run.background import Background
from gan_jax.run.best import Best, best_by, best_how
from gan_jax.run.evaluation import Evaluator
from gan_jax.run.own_writers import open_writers
from gan_jax.run.resume import Fingerprint, last_seen
from gan_jax.run.status import Status, advised, reasons
from gan_jax.runtime import checkpoint, distributed, output
from gan_jax.runtime.errors import Diverged, UserError, fault_of
from gan_jax.runtime.progress import Stopped
from gan_jax.runtime.writers import RunInfo, Writers
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
        report: Callable[[Path], object],
    ):
        self.status = 0
        self._report = report
        self._setup, self._evaluator, self._folder = setup, evaluator, folder
        self._fingerprint, self._stopped = fingerprint, stopped
        self._log, self._writers, self._checkpoints, self._best = rows, writers, checkpoints, best
        self._background, self._saving = background, None
        self._saved = restored.step if restored else 0
        self._status_json = Status(folder, restored.step if restored else None)
        self._seen = last_seen(restored)
        self._pace = observe.Pace(self._saved)
        self._samples = observe.Samples(setup, folder, writers, self._submit, self.warn)

    def draw_first(self, generator: TrainState) -> None:
        """Draws the picture of step 0, which `on_step` then leaves out.

        Args:
            generator: from `Program.init_generator`.
        """
        if not self._stopped():
            self._samples.draw(distributed.local_view(generator), 0)

    def on_step(self, state: TrainState, step: int) -> bool:
        """Logs, samples and evaluates as due at a step, at most once.

        A run that has been asked to stop skips this, since it may take long. The resumed run does
        it first.

        Returns:
            True if the window of `state.metrics` ends here, so that the caller resets them.

        Raises:
            UserError: the run has diverged, or an earlier write has failed.
        """
        self._pace.on_step(step)
        if self.failed or self._seen == step or self._stopped():
            return False
        self._background.check()
        self._status_json.step = step
        # At most one row of metrics.jsonl per step: a resumed run must write the same.
        row, now, settings = {}, due(step, self._setup.settings), self._setup.settings
        own = distributed.local_view(state) if now else state
        if 'log' in now:
            count = settings['d_steps'] * settings['batch_size']
            means = observe.means(own.metrics, step)
            self.warn(alarms.blown_up(means, step))
            row |= means | self._pace.row(step, count)
        if 'sample' in now:
            self._samples.draw(own, step)
        try:
            values, wrong = evaluation.evaluate_due(
                self._setup, self._evaluator, own, step, self._stopped
            )
        except Stopped:
            return False
        if why := reasons(wrong):
            self._writers.write_texts(step, {'eval_failed': why})
        if values:
            self._status_json.fail_evaluation(wrong)
        row |= values
        self._seen = step
        self._best.on_step(row, step)
        if row:
            self._writers.write_scalars(step, row)
            self._pace.mark(step)
        if 'report' in now and step < settings['steps'] and distributed.is_leader():
            self._submit(self._report, self._folder)  # after the picture of the step
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
        self._status_json.step = step  # `on_step` may have skipped it
        if step != self._saved:
            self._write(self._commit, state, self._metadata_at(self._seen == step), step)
            self._saved = step

    def save_snapshot(self, state: TrainState, step: int) -> None:
        """Submits a snapshot of averages if one is due, before `save`, and raises as it does."""
        settings = self._setup.settings
        if self.failed is None and step != self._saved and 'snapshot' in due(step, settings):
            self._write(snapshots.write, snapshots.of(state, settings), self._folder)

    @property
    def failed(self) -> UserError | None:
        """The error that ended the run; None if there is none."""
        return self._status_json.failed

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
        final = {'diverged': True} if isinstance(error, Diverged) else {}
        if final:
            with contextlib.suppress(Exception):
                self._background.drain()  # a checkpoint on its way counts
            newest = self._status_json.committed if distributed.is_leader() else self._saved or None
            error = advised(error, newest, self._setup.settings, self._folder)
        self._status_json.fail(error, **final)
        return error

    def warn(self, warning: str) -> None:
        """As `Status.warn`."""
        self._status_json.warn(warning)

    def begin(self) -> None:
        """Writes the first status, and warns of data without content."""
        self._status_json.write('running')
        if fault := data.content_fault(self._setup.dataset):
            self.warn(f'no content: {fault}')

    def conclude(self) -> None:
        """Writes the final status and prints the step that the run has reached."""
        self.status, step = self._stopped(), self._status_json.step
        self._status_json.write('stopped' if self.status else 'done')
        message = f'done: {step} steps in {self._folder}'
        if self.status:
            saved = 'saved' if self._status_json.committed == step else 'stopped at'
            message = f'{saved} step {step} in {self._folder}; the same command goes on from there'
        elif distributed.is_leader():
            self._report(self._folder)
        if distributed.is_leader():
            output.say(message)
        if not self.status:
            self._status_json.print_warnings()

    def _write(self, work: Callable[..., object], tree: Any, *arguments: Any) -> None:
        if self._saving is not None:
            self._saving.result()
        on_host = distributed.on_host(tree)
        if distributed.is_leader():
            self._saving = self._submit(work, on_host, *arguments)

    def _metadata_at(self, seen: bool) -> Fingerprint:
        return {**self._fingerprint, 'seen': seen, 'log': self._log.mark}

    def _commit(self, state: TrainState, fingerprint: Fingerprint, step: int) -> None:
        self._writers.sync()
        checkpoint.save(self._checkpoints, state, fingerprint)
        self._status_json.committed = step
        self._status_json.write('running')

    def _submit(self, work: Callable[..., object], *arguments: Any) -> Future:
        return self._background.submit(functools.partial(work, *arguments))


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
    report: Callable[[Path], object] = lambda folder: None,
    writers: Sequence[Any] = (),
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
        report: (folder) -> writes the run's report, and raises nothing; called when it is due, in
            the background, and when the run is done.
        writers: further ones, which this closes.

    Raises:
        UserError: the training inside ran out of device memory, among other errors.
    """
    settings, since = setup.settings, last_seen(restored)
    place.begin(folder, setup, restored.step if restored else None)
    with contextlib.ExitStack() as files:
        written = restored.metadata.get('log') if restored and distributed.is_leader() else None
        rows = log.Log(folder / log.NAME, since, written)
        files.callback(rows.close)
        all_writers = open_writers(RunInfo(folder, settings, since), rows, shown, writers)
        files.callback(all_writers.close)
        checkpoints = files.enter_context(checkpoint.manager(folder / 'checkpoints'))
        background = Background()
        files.callback(background.close)  # before what it writes to
        best = Best(folder / 'best', best_by(settings), best_how(settings), background.submit)
        run = Run(
            *(setup, evaluator, folder, fingerprint, restored, stopped),
            *(rows, all_writers, checkpoints, best, background, report),
        )
        run.begin()
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
        all_writers.close()  # the live bar ends before the last message
        if run.failed is None:
            run.conclude()
