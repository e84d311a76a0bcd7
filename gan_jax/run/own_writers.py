"""Writers of a config's own, by the paths of their functions: `writers.NAME = dict(fn=...)`.

The main process alone opens them. None of them ends a run: after its first exception a writer is
left alone, with one warning.
"""

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gan_jax.experiment.kinds import WRITER
from gan_jax.run import log
from gan_jax.runtime import distributed, load, output, tensorboard
from gan_jax.runtime.errors import UserError, printable, sentence
from gan_jax.runtime.writers import RunInfo, TerminalWriter, Writer, Writers


def open_writers(of: RunInfo, rows: log.Log, shown: bool, further: Sequence[Any]) -> Writers:
    """All writers of a run as one.

    Args:
        of: the run.
        rows: its log.
        shown: whether its progress is shown in the terminal.
        further: writers that are open.

    Raises:
        UserError: as `own_writers`.
    """
    terminal = [TerminalWriter(of.settings['steps'], max(of.since, 0))] if shown else []
    events = tensorboard.Events(of.folder / 'tensorboard', of.since)
    writers = Writers([rows, events, *terminal, *own_writers(of.settings, of), *further])
    writers.write_hparams(of.settings)
    return writers


def own_writers(settings: Mapping[str, Any], of: RunInfo) -> list['Guarded']:
    """The writers of a valid config, open; in other processes than the main one, none.

    Args:
        settings: nested.
        of: the run.

    Raises:
        UserError: a function raises one, or returns no `Writer`.
    """
    blocks = settings.get('writers', {}) if distributed.is_leader() else {}
    return [Guarded(name, _opener(name, block, of)) for name, block in blocks.items()]


class Guarded:
    """A writer that lets no exception out; one call at a time.

    Args:
        name: of its block in config.writers.
        open_writer: () -> the writer. A UserError of it gets out.
    """

    def __init__(self, name: str, open_writer: Callable[[], Writer]):
        self._name, self._writer, self._lock = name, Writer(), threading.Lock()
        try:
            self._writer = open_writer()
        except UserError:
            raise
        except Exception as error:  # it is anybody's code, and a server may be out of reach
            self._warn(error)

    def __getattr__(self, method: str):
        if method not in Writer._fields:
            raise AttributeError(method)
        return lambda *arguments: self._guard(self._call, method, *arguments)

    def close(self) -> None:
        """Closes the writer, once; nothing is written afterwards."""
        self._guard(self._close)

    def _call(self, method: str, *arguments: Any) -> None:
        getattr(self._writer, method)(*arguments)

    def _close(self) -> None:
        writer, self._writer = self._writer, Writer()
        writer.close()

    def _guard(self, work: Callable[..., None], *arguments: Any) -> None:
        with self._lock:
            try:
                work(*arguments)
            except Exception as error:
                self._warn(error)
                with contextlib.suppress(Exception):
                    self._close()

    def _warn(self, error: Exception) -> None:
        output.note(
            f'config.writers.{self._name} stops here, and the run goes on without it: '
            f'{printable(sentence(error))}'
        )


def _opener(name: str, block: Mapping[str, Any], of: RunInfo) -> Callable[[], Writer]:
    make = load.partial(block, WRITER, run=of)

    def open_writer() -> Writer:
        made = make()
        if not isinstance(made, Writer):
            raise UserError(
                f'config.writers.{name}: {block["fn"]} makes a {type(made).__name__}, and not a '
                'writer: it has to return a gan_jax Writer'
            )
        return made

    return open_writer
