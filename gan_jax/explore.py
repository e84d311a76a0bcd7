"""The command that serves a generator to play with: `python -m gan_jax.explore`."""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command('gan_jax.flags.explore')

import argparse
import contextlib
import importlib.util
import os
import tempfile
import time
from collections.abc import Iterator, Sequence

from gan_jax.explorer import page
from gan_jax.explorer.actions import Actions
from gan_jax.explorer.serve import serving
from gan_jax.explorer.still import Explorer
from gan_jax.explorer.training import TrainedRun
from gan_jax.exported import description
from gan_jax.flags.explore import parse
from gan_jax.run.generators import restore_from_flags
from gan_jax.runtime import cli, environment, output, signals
from gan_jax.runtime.errors import UserError

PAUSE = 0.2  # seconds between two looks for a signal


def main(arguments: Sequence[str]) -> int:
    """Serves the page until a signal comes."""
    flags = parse(arguments)
    _refuse_without_gradio()
    if flags.generator is not None:
        description.read(flags.generator)  # or a run's folder would be taken for one
    explorer = Explorer(restore_from_flags(flags))
    run = None if flags.generator else _run_of(flags, explorer)
    actions = Actions(explorer, run, _check)
    title = f'{flags.workdir.absolute().name}, step {explorer.generator.step:,}'
    with _uploads(), serving(page.app_of(actions, title), flags.port) as address:
        output.announce(f'{address} shows {flags.workdir}; Ctrl-C ends it')
        output.result(workdir=flags.workdir, step=explorer.generator.step, address=address)
        with contextlib.suppress(KeyboardInterrupt):  # the way in which it ends
            while True:
                time.sleep(PAUSE)
                signals.check()
    return os.EX_OK


def _check() -> None:
    """Raises UserError if a signal has come: a film or a search in a thread of the page ends."""
    if signals.received():
        raise UserError('the explorer has been stopped')


def _run_of(flags: argparse.Namespace, explorer: Explorer) -> TrainedRun:
    return TrainedRun(
        flags.workdir,
        flags.step,
        explorer,
        allow=flags.allow,
        weights=flags.weights,
        data_dir=flags.data_dir,
    )


def _refuse_without_gradio() -> None:
    """Raises UserError, with the command that installs it, if gradio is missing."""
    if importlib.util.find_spec('gradio') is None:
        raise UserError(
            'the explorer needs the package gradio, which is not installed: '
            f'{environment.install("explore")}'
        )


@contextlib.contextmanager
def _uploads() -> Iterator[None]:
    """A folder for uploaded files that goes with the page.

    gradio reads the name of the folder from the environment.
    """
    before = os.environ.get('GRADIO_TEMP_DIR')
    with tempfile.TemporaryDirectory(prefix='gan_jax-explore-') as folder:
        os.environ['GRADIO_TEMP_DIR'] = folder
        try:
            yield
        finally:
            os.environ.pop('GRADIO_TEMP_DIR')
            if before is not None:
                os.environ['GRADIO_TEMP_DIR'] = before


if __name__ == '__main__':
    cli.run(main)
