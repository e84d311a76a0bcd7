"""`gan_jax.train`: a run from a notebook or a program, by the loop of the command."""

import contextlib
import json
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from gan_jax import train as loop
from gan_jax.api.display import Callback, in_notebook
from gan_jax.api.quiet import quiet
from gan_jax.api.runs import Run, load_run
from gan_jax.experiment.config import load_config, overridden
from gan_jax.experiment.setup import build_setup
from gan_jax.reports.training import reporter
from gan_jax.run.evaluation import make_evaluator
from gan_jax.runtime.paths import expanded
from gan_jax.runtime.writers import Writer

INTERRUPTED = 130  # as after SIGINT
PATIENCE = 0.5  # seconds between two looks whether the run is to stop


def train(
    config: ConfigDict | Mapping[str, Any] | str | Path,
    workdir: str | Path,
    callbacks: Sequence[Callback] = (),
    *,
    restart: bool = False,
) -> Run:
    """Trains a run to its last step, and resumes one that its workdir holds, bit for bit.

    In a notebook its progress is shown beneath the cell. Nothing is printed; remarks are warnings.
    The workdir gets what the command writes, `report.html` too.
    An interrupt, as of the kernel, saves and returns; the same call goes on. No signal handler is
    installed: the loop runs in a thread of its own, and callbacks in the caller's.

    Args:
        config: a config, nested, or 'FILE.py' or 'FILE.py:arguments'.
        workdir: the folder of the run.
        callbacks: functions (step, row) for every row of the log, {name: number}, as it is written.
            One that returns True ends the run: it is saved, and the same call would go on.
        restart: sets the run in the workdir aside, and begins again.

    Returns:
        The run as `load_run` gives it; its `status` says whether it is 'done' or 'stopped'.

    Raises:
        UserError: a sentence, as of the command: the config has faults, the workdir holds another
            run, the run has diverged.
        Exception: of a callback; the run goes on from its newest checkpoint then.
    """
    settings, folder = _settings(config), expanded(workdir)
    live = in_notebook(folder, settings['steps'])
    relay = _Relay([*([live] if live else []), *callbacks])

    def work() -> None:
        setup = build_setup(settings)
        loop.train(
            setup,
            make_evaluator(setup),
            folder,
            anew=restart,
            report=reporter(setup),
            shown=False,
            writers=[Writer(write_scalars=relay.hand_over)],
            stopping=relay.stopping,
        )

    with quiet(), ThreadPoolExecutor(1, 'gan_jax.train') as pool:
        future = pool.submit(work)
        relay.serve(future)
        future.result()
    return load_run(folder)


def _settings(config: Any) -> Mapping[str, Any]:
    """The checked config, nested."""
    if isinstance(config, str | Path):
        found = load_config(str(config))
    else:
        found = overridden(config if isinstance(config, ConfigDict) else ConfigDict(config), ())
    return json.loads(found.to_json())


class _Relay:
    """Rows from the thread of the loop to callbacks in the caller's, and the wish to stop back.

    Args:
        callbacks: called in their order.
    """

    def __init__(self, callbacks: Sequence[Callback]):
        self._callbacks = callbacks
        self._calls: queue.SimpleQueue[tuple[Future, int, Mapping[str, float]] | None]
        self._calls, self._stop = queue.SimpleQueue(), threading.Event()

    def hand_over(self, step: int, row: Mapping[str, float]) -> None:
        """Waits until all callbacks have had a row; raises the exception of one that fails."""
        done: Future = Future()
        self._calls.put((done, step, row))
        while not wait([done], timeout=PATIENCE).done:
            if self._stop.is_set():  # the interrupt may have taken the call along
                return
        done.result()

    @contextlib.contextmanager
    def stopping(self) -> Iterator[Callable[[], int]]:
        """Yields a function that tells, as an exit status, whether the run is to stop."""
        yield lambda: INTERRUPTED if self._stop.is_set() else 0

    def serve(self, work: Future) -> None:
        """Calls the callbacks until the work is done; an interrupt asks it to stop."""
        work.add_done_callback(lambda _: self._calls.put(None))
        while True:
            try:
                call = self._calls.get()
                if call is None:
                    return
                self._call(*call)
            except KeyboardInterrupt:
                self._stop.set()

    def _call(self, done: Future, step: int, row: Mapping[str, float]) -> None:
        try:
            for callback in self._callbacks:
                if callback(step, row) is True:
                    self._stop.set()
        except KeyboardInterrupt:
            self._stop.set()
        except BaseException as error:
            done.set_exception(error)
            return
        done.set_result(None)
