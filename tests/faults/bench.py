"""The bench of attacks: runs to spoil, the public commands in this process, the right results.

A command that is run within the process is `cli.run` on its `main`, as `python -m` does it.
Networks that have been put together once are used again, so that a trial takes less than a second.
"""

import contextlib
import functools
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_jax import sample, train
from gan_jax.run import trained
from gan_jax.runtime import begin, checkpoint, cli, compile_cache
from tests.faults.command import Ended

HALF, STEPS = 16, 20  # at both everything is due
KEPT = (8, 12, 16)  # the checkpoints of the half run
CONFIG = 'tests/smoke.py'
INTERVALS = {'log': 2, 'sample': 6, 'evaluate': 8, 'full': STEPS, 'checkpoint': 4}
LONGEST = 180  # seconds of a command within this process; one that takes longer hangs


class Hangs(BaseException):
    """No `except Exception` of a command may catch it."""


def flags_of(folder: Path, steps: int = STEPS) -> list[str]:
    """The flags of `train` for the runs of all attacks."""
    every = [f'--config.every.{key}={value}' for key, value in INTERVALS.items()]
    return [f'--config={CONFIG}', f'--workdir={folder}', f'--config.steps={steps}', *every]


class Bench:
    """The runs that attacks start from, in a folder that they share, and a place for copies.

    Attributes:
        runs: holds `half`, a run of 16 steps; `whole`, the same gone on to step 20; and `straight`,
            one that went to step 20 at once.
        scratch: for the trial that is under way.
    """

    def __init__(self, runs: Path, scratch: Path):
        self.runs, self.scratch = runs, scratch
        compile_cache.use()
        sys.unraisablehook = begin.unraisable
        for module in (train, trained):
            module.build_setup = _once(module.build_setup)
        sample.make_generate = _drawn_once(sample.make_generate)

    def copy(self, name: str) -> Path:
        """A copy of one of the runs, to spoil."""
        return Path(shutil.copytree(self.runs / name, self.scratch / 'run', symlinks=True))

    def train(self, folder: Path, steps: int = STEPS, *flags: str) -> Ended:
        return within('gan_jax.train', [*flags_of(folder, steps), *flags])

    def sample(self, folder: Path, *flags: str) -> Ended:
        out = self.scratch / 'out.png'
        out.unlink(missing_ok=True)
        return within('gan_jax.sample', [f'--workdir={folder}', '--num=8', f'--out={out}', *flags])

    def evaluate(self, folder: Path, *flags: str) -> Ended:
        return within('gan_jax.evaluate.__main__', [f'--workdir={folder}', *flags])

    @functools.cached_property
    def known(self) -> Any:
        """The findings of `prepare`: times, numbers of operations, scores and pictures."""
        return json.loads((self.runs / 'known.json').read_text())

    @functools.cached_property
    def straight(self) -> dict[str, Any]:
        return told(self.runs / 'straight')

    @functools.cached_property
    def whole(self) -> dict[str, Any]:
        return told(self.runs / 'whole')


@contextlib.contextmanager
def opened(runs: Path) -> Iterator[Bench]:
    """A bench, whose scratch is empty before each trial that calls `cleared`."""
    with tempfile.TemporaryDirectory(prefix='faults-') as scratch:
        yield Bench(runs, Path(scratch))


def cleared(bench: Bench) -> None:
    """Removes what the trial before has left."""
    for path in bench.scratch.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def within(module: str, arguments: Sequence[str], longest: float = LONGEST) -> Ended:
    """A command within this process, its traceback included, if it has one."""
    main, saves = importlib.import_module(module).main, module == 'gan_jax.train'
    before = sys.argv
    sys.argv = [module, *map(str, arguments)]
    with captured('stdout') as out, captured('stderr') as err:
        try:
            with limited(longest):
                cli.run(main, saves=saves)
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        except Hangs:
            status = None
        except Exception as error:
            status = 1
            print(f'Traceback: {type(error).__name__}: {error}', file=sys.stderr)
        finally:
            sys.argv = before
    return Ended(status, out(), err())


@contextlib.contextmanager
def captured(name: str) -> Iterator[Callable[[], str]]:
    """Yields a function that returns all that was written to 'stdout' or 'stderr' meanwhile."""
    number, stream = {'stdout': 1, 'stderr': 2}[name], getattr(sys, name)
    stream.flush()
    before = os.dup(number)
    read, write = os.pipe()  # as a limit of the size of files would hold for a file
    text = []

    def drain():
        with os.fdopen(read, 'rb') as file:
            text.append(file.read())

    reader = threading.Thread(target=drain)
    reader.start()
    os.dup2(write, number)
    mine = os.fdopen(write, 'w')
    setattr(sys, name, mine)
    try:
        yield lambda: text[0].decode(errors='replace')
    finally:
        setattr(sys, name, stream)
        mine.close()
        os.dup2(before, number)
        os.close(before)
        reader.join()


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises `Hangs` in what takes longer."""

    def hang(number, frame):
        raise Hangs

    before = signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def told(folder: Path) -> dict[str, Any]:
    """The result of a finished run: its rows without times, and the digests of its last leaves."""
    record = checkpoint._record(folder / 'checkpoints', STEPS)
    best = [checkpoint._record(folder / 'best', int(p.name)) for p in (folder / 'best').iterdir()]
    return {
        'status': json.loads((folder / 'status.json').read_text())['status'],
        'rows': rows(folder),
        'leaves': record and record['leaves'],
        'best': [one and (one['step'], one['best'], one['leaves']) for one in best],
    }


def rows(folder: Path) -> list[dict[str, Any]]:
    """Of metrics.jsonl, without the wall times."""
    lines = (folder / 'metrics.jsonl').read_text().splitlines()
    return [timeless(json.loads(line)) for line in lines]


def timeless(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without the wall times, which no two runs have in common."""
    return {k: v for k, v in row.items() if k[:5] != 'time/'}


def _once(build_setup):
    made = {}

    def built(settings, **options):
        key = json.dumps([settings, options], sort_keys=True, default=str)
        if key not in made:
            made[key] = build_setup(settings, **options)
        return made[key]

    return built


def _drawn_once(make_generate):
    made = {}

    def drawn(network, **options):
        key = repr(network), repr(sorted(options.items()))
        if key not in made:
            made[key] = make_generate(network, **options)
        return made[key]

    return drawn
