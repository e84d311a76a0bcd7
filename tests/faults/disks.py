"""Small file systems that are full, where one can be mounted, and files that may not grow."""

import contextlib
import functools
import random
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.faults import verdict
from tests.faults.attack import Attack, Guard
from tests.faults.bench import HALF, Bench
from tests.faults.command import Ended
from tests.faults.verdict import civil, first

FULL = (0, 73, 74)
ROOM = 64 << 20  # bytes, enough for everything


@functools.cache
def mountable() -> bool:
    """True if a file system can be mounted here."""
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(OSError):
        if subprocess.run(_mount(folder, 4096), capture_output=True).returncode == 0:
            subprocess.run(['umount', folder], check=True)
            return True
    return False


def full(bench: Bench, draw: random.Random, index: int) -> str:
    """A disk too small for what is begun; then it is made larger."""
    with disk(bench.scratch / 'disk', ROOM) as place:
        kind = (_begun, _gone_on, _looked_at)[index % 3]
        return kind(bench, draw, place, functools.partial(resized, place))


def limited(bench: Bench, draw: random.Random, index: int) -> str:
    """No file may be larger than so many bytes; then it may."""
    place = bench.scratch / 'limited'
    place.mkdir()
    return (_begun, _gone_on, _looked_at)[index % 3](bench, draw, place, largest_file)


def _begun(bench: Bench, draw: random.Random, place: Path, short) -> str:
    """A run from its first step."""
    _, lost = _trained(bench, place, short, draw.uniform(0, 1.1))
    return lost or verdict.same_as_straight(bench, place / 'run')


def _gone_on(bench: Bench, draw: random.Random, place: Path, short) -> str:
    """A run that goes on: its checkpoints and its best stay."""
    folder = place / 'run'
    shutil.copytree(bench.runs / 'half', folder)
    intact = verdict.intact(bench, folder)
    after, lost = _trained(bench, place, short, draw.uniform(0, 0.6))
    return lost or verdict.gone_on(bench, folder, after, intact)


def _trained(bench: Bench, place: Path, short, share: float) -> tuple[Ended, str]:
    """Trains twice in vain, the second time no worse than the first, and then with room."""
    folder = place / 'run'
    with short(share, bench.known['bytes']):
        once, twice = bench.train(folder), bench.train(folder)
    after = bench.train(folder)
    return after, first(
        civil(once, FULL, 'train'),
        civil(twice, FULL, 'train again'),
        civil(after, (0,), 'with room'),
    )


def _looked_at(bench: Bench, draw: random.Random, place: Path, short) -> str:
    """Pictures and results: whole or absent, and the run untouched."""
    folder = place / 'run'
    shutil.copytree(bench.runs / 'half', folder)
    before = verdict.kept(folder)
    with short(draw.uniform(0, 0.002), bench.known['bytes']):
        scored = bench.evaluate(folder)
        drawn = bench.sample(folder, f'--out={folder / "out.png"}')
    again = bench.evaluate(folder)
    return first(
        civil(scored, FULL, 'evaluate'),
        civil(drawn, FULL, 'sample'),
        before != verdict.kept(folder) and 'files of the run have changed',
        civil(again, (0,), 'with room'),
        verdict.scored(bench, folder, again, [HALF]),
    )


@contextlib.contextmanager
def disk(place: Path, size: int) -> Iterator[Path]:
    """An empty file system of that many bytes."""
    place.mkdir()
    subprocess.run(_mount(str(place), size), check=True)
    try:
        yield place
    finally:
        subprocess.run(['umount', '--lazy', str(place)], check=True)


@contextlib.contextmanager
def resized(place: Path, share: float, needed: int) -> Iterator[None]:
    """The disk, with room for a share of what is needed beside what it holds."""
    used = shutil.disk_usage(place).used
    _remount(place, used + max(4096, int(share * needed)))
    try:
        yield
    finally:
        _remount(place, ROOM)


@contextlib.contextmanager
def largest_file(share: float, needed: int) -> Iterator[None]:
    """Files may have so many bytes, from none to more than the largest has; few are most likely."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(share**4 * needed / 10), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _mount(place: str, size: int) -> list[str]:
    return ['mount', '-t', 'tmpfs', '-o', f'size={size}', 'tmpfs', place]


def _remount(place: Path, size: int) -> None:
    subprocess.run(['mount', '-o', f'remount,size={size}', str(place)], check=True)


SAVE = Guard(
    'gan_jax/runtime/checkpoint.py',
    '    except (OSError, ValueError, RuntimeError) as error:\n        folder',
    '    except UserError as error:\n        folder',
)
SAID = Guard(
    'gan_jax/runtime/cli.py',
    '    except (UserError, OSError) as error:',
    '    except UserError as error:',
)
ATTACKS = (
    Attack('a full disk', 24, full, SAVE, mountable),
    Attack('a limit of the size of files', 24, limited, SAID),
)
