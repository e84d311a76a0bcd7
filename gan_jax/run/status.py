"""The status of a run: status.json, warnings, and the error that ended it."""

import contextlib
import shlex
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_jax.runtime import distributed, output, workdir
from gan_jax.runtime.errors import UserError, printable
from gan_jax.runtime.versions import commit, versions


class Status:
    """The status of a run in a workdir; several threads may use it.

    Args:
        folder: the workdir.
        resumed: the step that a resumed run starts from; None for a new run.

    Attributes:
        failed: the error that ended the run; None if there is none.
        step: the step that the run has reached.
        committed: the step of the newest checkpoint on the disk; None if there is none.
    """

    def __init__(self, folder: Path, resumed: int | None):
        self.failed: UserError | None = None
        self.step, self.committed = resumed or 0, resumed
        self._folder = folder
        self._warnings = [] if resumed is None else _kept_warnings(folder)
        self._failing: Mapping[str, str] = {}  # metrics that failed when they were last due
        self._made_by = {'commit': commit(), 'versions': versions()}
        self._lock = threading.Lock()

    def write(self, status: str) -> None:
        """Writes status.json with the step and the newest checkpoint, unless the run has failed."""
        with self._lock:
            if self.failed is None:
                self._write(status)

    def fail(self, error: UserError, **more: Any) -> None:
        """Records an error and further keys in status.json; only the first error counts."""
        with self._lock:
            if self.failed is None:
                self.failed = error
                with contextlib.suppress(OSError):
                    self._write('failed', reason=str(error), exit=error.status, **more)

    def fail_evaluation(self, wrong: Mapping[str, str]) -> None:
        """Records in status.json the metrics that fail, until they are measured.

        Args:
            wrong: for each metric that was due the sentence of its failure, '' without one.
        """
        failing = {name: why for name, why in {**self._failing, **wrong}.items() if why}
        if failing != self._failing:
            self._failing = failing
            self.write('running')

    def warn(self, warning: str) -> None:
        """Prints a warning and keeps it in status.json; each kind once. '' is no warning.

        Args:
            warning: a sentence that begins with its kind and a colon.
        """
        warning = printable(warning)
        with self._lock:
            known = {_kind(one) for one in self._warnings}
            if self.failed is not None or not warning or _kind(warning) in known:
                return
            self._warnings.append(warning)
            self._write('running')
        self._print(warning)

    def print_warnings(self) -> None:
        """Prints all warnings of the run again."""
        for warning in self._warnings:
            self._print(warning)

    def _print(self, warning: str) -> None:
        if distributed.is_leader():
            with contextlib.suppress(OSError):  # stderr may be closed
                output.note(f'warning of {self._folder}: {warning}')

    def _write(self, status: str, **more: Any) -> None:
        known: dict[str, Any] = {'checkpoint': self.committed, **self._made_by}
        if self._failing:
            known['eval_failed'] = reasons(self._failing)
        if self._warnings:
            known['warnings'] = self._warnings
        workdir.write_status(self._folder, status, self.step, **known, **more)


def reasons(wrong: Mapping[str, str]) -> str:
    """The sentences of failed metrics, by metric, each once; '' if none has failed."""
    return '; '.join(dict.fromkeys(why for why in wrong.values() if why))


def _kept_warnings(folder: Path) -> list[str]:
    """The warnings in status.json of the run that is resumed."""
    kept = (workdir.read_status(folder) or {}).get('warnings')
    return [one for one in kept if isinstance(one, str)] if isinstance(kept, list) else []


def advised(
    error: UserError, newest: int | None, settings: Mapping[str, Any], folder: Path
) -> UserError:
    """The error of a run that has diverged, with its last good checkpoint and advice.

    Args:
        error: the divergence.
        newest: the step of the newest checkpoint; None if there is none.
        settings: the resolved config.
        folder: the workdir.
    """
    optim = settings['optim']
    halves = {s: _half(optim[s]['learning_rate'], f'config.optim.{s}.learning_rate') for s in 'gd'}
    lower = ', such as ' + ' '.join(filter(None, halves.values())) if any(halves.values()) else ''
    if newest is None:
        left = 'no checkpoint has been saved'
        way = 'by another --workdir, or by --restart in this one'
    else:
        left = (
            f'the checkpoint of step {newest} is the last with finite numbers, for sample and '
            'evaluate'
        )
        init = shlex.quote(f'--config.init.workdir={folder.absolute()}')
        way = f"by another --workdir; {init} begins it with that checkpoint's networks"
    return UserError(
        f'{error}; {left}. Begin another run with lower learning rates{lower}, {way}', error.status
    )


def _half(rate: Any, key: str) -> str:
    """The flag that halves a learning rate; '' for one that a schedule gives."""
    return '' if isinstance(rate, Mapping) else f'--{key}={rate / 2:g}'


def _kind(warning: str) -> str:
    return warning.partition(':')[0]
