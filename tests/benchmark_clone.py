"""Seconds from a clone to the first picture: python -m tests.benchmark_clone

Types the commands of README.md's first page, as whoever has nothing yet: an empty folder, a new
$HOME, no caches of pip or of JAX, no environment. A benchmark, not a test: nothing here passes or
fails, unless a command fails. The commit is cloned as it is; what is not committed stays behind.
Prints a row of a table: the seconds until the environment stands, until the first picture is there,
and until the demo ends. The folder, 2 GB, and the processes in it are gone in the end, also after
Ctrl-C or SIGTERM.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests import pages

MARKS = {
    'environment': '.venv/gan_jax.stamp',
    'first picture': 'workdirs/demo/samples/00000000.png',
}
PAUSE = 0.02  # seconds between two looks at the files
STRANGE = ('PYTHON', 'JAX_', 'XLA_', 'XDG_', 'GAN_JAX_', 'MAKE')  # variables that nobody new has
OWN = ('HOME', 'VENV', 'VIRTUAL_ENV', 'PIP_CACHE_DIR', 'ARGS', 'DEMO', 'MFLAGS')


def main() -> None:
    """Prints the row."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix='clone-', ignore_cleanup_errors=True) as folder:
        print(f'in {folder}', file=sys.stderr, flush=True)
        seconds = measured(typed(pages.ROOT), Path(folder))
        commit = output_of(
            'git', '-C', str(Path(folder, 'gan_jax')), 'rev-parse', '--short', 'HEAD'
        )
    print(table(commit, len(os.sched_getaffinity(0)), seconds))


def typed(source: Path) -> list[str]:
    """The commands of README.md's first page, with a repository to clone."""
    there = f'{shlex.quote(str(source))} gan_jax'
    text = (pages.ROOT / 'README.md').read_text(encoding='utf-8')
    return [line.replace('<this repository>', there) for line in pages.commands(text)]


def measured(commands: Sequence[str], folder: Path) -> dict[str, float]:
    """Runs the commands in one shell; the seconds until each of MARKS, and until the end.

    Args:
        commands: lines of a shell.
        folder: empty; the commands begin in it, and its 'home' is their $HOME.
    """
    log, seconds = folder / 'log', {}
    with log.open('wb') as file, running(commands, folder, file) as process:
        begun = time.monotonic()
        while process.poll() is None:
            for name, mark in MARKS.items():
                if name not in seconds and (folder / 'gan_jax' / mark).exists():
                    seconds[name] = time.monotonic() - begun
            time.sleep(PAUSE)
        seconds['end'] = time.monotonic() - begun
    if process.returncode or seconds.keys() < {*MARKS, 'end'}:
        last = log.read_text(errors='replace')[-2000:]
        sys.exit(f'{last}\nthe commands ended with status {process.returncode}: {seconds}')
    return seconds


@contextlib.contextmanager
def running(commands: Sequence[str], folder: Path, log) -> Iterator[subprocess.Popen]:
    """The shell of the commands; it and its children are ended with the block."""
    (folder / 'home').mkdir()
    process = subprocess.Popen(
        ['sh', '-c', ' && '.join(commands)],
        cwd=folder,
        env=of_a_newcomer(os.environ) | {'HOME': str(folder / 'home')},
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def of_a_newcomer(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of the environment without those that somebody at work has set."""
    return {k: v for k, v in variables.items() if not k.startswith(STRANGE) and k not in OWN}


def output_of(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def table(commit: str, cores: int, seconds: Mapping[str, float]) -> str:
    """The seconds as a table of Markdown."""
    cells = [commit, time.strftime('%Y-%m-%d'), f'{cores}', *(f'{s:.0f}' for s in seconds.values())]
    names = ['commit', 'date', 'cores', *(f'{name}, s' for name in seconds)]
    return '\n'.join(f'| {" | ".join(row)} |' for row in (names, ['---'] * len(names), cells))


if __name__ == '__main__':
    main()
