"""The report on runs, from their workdirs to a page."""

import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from gan_jax.reports import read, sections
from gan_jax.reports.page import Page
from gan_jax.reports.read import RunRecord
from gan_jax.reports.sections import Training
from gan_jax.runtime import files, output
from gan_jax.runtime.errors import sentence

NAME = 'report.html'


def report(
    folders: Sequence[Path], training_of: Callable[[Path], Training], live: str = ''
) -> bytes:
    """The page of one run, or of several beside each other.

    Args:
        folders: their workdirs, from 1 to `limits.RUNS`.
        training_of: workdir -> the images that its run is trained on, or why there are none.
        live: as in `Page.html`.

    Raises:
        UserError: as `read.read_run`.
    """
    runs = [read.read_run(*one) for one in zip(folders, read.names_of(folders), strict=True)]
    training = [training_of(folder) for folder in folders]
    page = Page(', '.join(run.name for run in runs), subtitle())
    add_runs(page, runs, training)
    return page.html(live)


def add_runs(page: Page, runs: Sequence[RunRecord], training: Sequence[Training]) -> None:
    """Adds all sections on runs."""
    sections.overview(page, runs)
    sections.samples(page, runs, training)
    sections.logs(page, runs)
    sections.neighbours(page, runs, training)
    sections.results(page, runs)
    sections.configs(page, runs)


def subtitle() -> str:
    """The version of this package and the time."""
    now = time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())
    return f'A report of gan_jax {metadata.version("gan_jax")}, {now}'


def write_or_say(folder: Path, page: Callable[[], bytes]) -> None:
    """Writes a report into a workdir; what goes wrong is a line on standard error, and no error.

    Args:
        folder: the workdir.
        page: () -> the page.
    """
    try:
        files.replace(folder / NAME, page())
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of the library of charts is no Exception
        output.note(f'{folder / NAME} is left out: {sentence(error)}')
