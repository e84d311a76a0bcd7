"""Workdirs of somebody else, made to run, write or delete something elsewhere."""

import functools
import os
import random
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.faults import runs, verdict
from tests.faults.attack import Attack, Guard
from tests.faults.bench import Bench
from tests.faults.traps import KINDS, NAMING, Kind
from tests.faults.verdict import civil, first


def hostile(kinds: Mapping[str, Kind], bench: Bench, draw: random.Random, index: int) -> str:
    """`sample`, `evaluate` and `train` on one of them: what is outside stays, nothing hangs."""
    name = [*kinds][index % len(kinds)]
    folder, outside = bench.copy('half'), bench.scratch / 'outside'
    _fill(outside)
    kinds[name](folder, outside)
    before, lost = listed(outside), []
    sys.path.insert(0, str(outside))  # where the modules of the traps lie
    for command in (bench.sample, bench.evaluate, bench.train):
        lost.append(civil(command(folder), (0, *verdict.REFUSED, 75)))
        lost.append(_changed(before, listed(outside)))
    sys.path.remove(str(outside))
    said = first(*lost)
    return said and f'{name}: {said}'


def _changed(before: Mapping[str, tuple], after: Mapping[str, tuple]) -> str:
    names = [n for n in {*before, *after} if before.get(n) != after.get(n)]
    return f'outside {", ".join(sorted(names)[:5])} changed' if names else ''


def listed(folder: Path) -> dict[str, tuple]:
    """Everything in a folder: kinds, modes, contents, and where links lead."""
    found = {}
    for path in sorted(folder.rglob('*')):
        about = path.lstat()
        content = os.readlink(path) if path.is_symlink() else ''
        if stat.S_ISREG(about.st_mode):
            content = runs.digest(path)
        found[str(path.relative_to(folder))] = (about.st_mode, content)
    return found


def _fill(outside: Path) -> None:
    """A file, an empty one, a folder with files, and a run of another."""
    (outside / 'folder' / '3').mkdir(parents=True)
    (outside / 'empty').mkdir()
    for name in ('file', 'folder/file', 'folder/3/file', 'folder/metrics.jsonl', 'folder/0.png'):
        (outside / name).write_text('{"precious": 1}\n')


ATTACKS = (
    Attack(
        'a hostile workdir: links, no files, contents',
        len(KINDS),
        functools.partial(hostile, KINDS),
        Guard(
            'gan_jax/runtime/workdir.py',
            '        refuse_links(workdir)\n        yield',
            '        yield',
        ),
    ),
    Attack(
        'a hostile workdir: names of code and places',
        len(NAMING),
        functools.partial(hostile, NAMING),
        Guard(
            'gan_jax/runtime/load.py',
            '    if allow is not None:\n        _check_path(path, kind, allow)\n',
            '    allow = None\n',
        ),
    ),
)
