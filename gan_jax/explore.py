"""A generator to play with in a browser: python -m gan_jax.explore --workdir=DIR

Serves a page to this machine alone, at the address that it prints, until Ctrl-C. With
--generator=FOLDER it shows an exported generator, without what needs the run: checkpoints, the
discriminator, training images.
"""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command()

import argparse
import contextlib
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence

from gan_jax.explorer import page
from gan_jax.explorer.actions import Actions
from gan_jax.explorer.serve import serving
from gan_jax.explorer.still import Explorer
from gan_jax.explorer.training import TrainedRun
from gan_jax.run.flags import add_data_flag, add_flags
from gan_jax.run.trained_generator import restore_from_flags
from gan_jax.runtime import cli, signals
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.ranges import Integer

PAUSE = 0.2  # seconds between two looks for a signal


def main(arguments: Sequence[str]) -> int:
    """Serves the page until a signal comes."""
    flags = _parse(arguments)
    _refuse_without_gradio()
    explorer = Explorer(restore_from_flags(flags))
    run = None if flags.generator else _run_of(flags, explorer)
    actions = Actions(explorer, run, _check)
    title = f'{flags.workdir.absolute().name}, step {explorer.generator.step:,}'
    with _uploads(), serving(page.app_of(actions, title), flags.port) as address:
        print(f'{address} shows {flags.workdir}; Ctrl-C ends it', flush=True)
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
            f"{sys.executable} -m pip install 'gan_jax[explore]'"
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


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser('gan_jax.explore', __doc__)
    add_flags(parser, required=False)
    parser.add_argument(
        '--generator', type=cli.path, metavar='FOLDER', help='an exported one, in place of a run'
    )
    add_data_flag(parser)
    parser.add_argument(
        '--port',
        type=cli.within(Integer(0, 65_535)),
        default=0,
        help='of this machine; by default a free one',
    )
    flags = parser.parse_args(arguments)
    if (flags.workdir is None) == (flags.generator is None):
        raise UserError('give --workdir=DIR, of a run, or --generator=FOLDER, an exported one')
    if flags.workdir is None:
        flags.workdir = flags.generator
    return flags


if __name__ == '__main__':
    cli.run(main)
