"""One mutant, tried: whether a test fails in a copy of the checkout that holds it."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.edited import edited
from tests.mutants.draw import Mutant

KILLED, TIMED_OUT, SURVIVED, UNUSABLE = 'killed', 'killed by time', 'survived', 'does not import'

# The statuses of pytest.
PASSED, FAILED, INTERRUPTED, MISUSED = 0, 1, 2, 4
PYTEST = ('-m', 'pytest', '-q', '--no-header', '--tb=line', '-p', 'no:cacheprovider')
PYTEST += ('-m', 'not slow and not slurm')


class Outcome(NamedTuple):
    """The outcome of a mutant.

    Attributes:
        verdict: KILLED, TIMED_OUT, SURVIVED or UNUSABLE.
        by: the test that failed first; '' where none did.
        seconds: that it took.
    """

    verdict: str
    by: str
    seconds: float


def tried(mutant: Mutant, tests: Sequence[str], limit: float) -> Outcome:
    """Runs test files on a mutant until one of them fails.

    Args:
        mutant: the edit.
        tests: paths of test files, in their order.
        limit: seconds after which a mutant counts as noticed: its tests do not end.
    """
    begin = time.monotonic()
    with edited({mutant.path: mutant.source}) as copy:
        status, said = _python(copy, [*PYTEST, '-x', *tests], limit)
        broken = status in (INTERRUPTED, MISUSED) and not _imports(copy, mutant.path)
    failed = re.search(r'^(?:FAILED|ERROR) (\S+)', said, re.MULTILINE)
    verdict = KILLED
    if status is None:
        verdict = TIMED_OUT
    elif status == PASSED:
        verdict = SURVIVED
    elif broken:
        verdict = UNUSABLE
    return Outcome(verdict, failed[1] if failed else '', time.monotonic() - begin)


def unedited(tests: Sequence[str], limit: float) -> tuple[float, str]:
    """Seconds that test files take in a copy without an edit, and what they said if one failed."""
    begin = time.monotonic()
    with edited({}) as copy:
        status, said = _python(copy, [*PYTEST, *tests], limit)
    return time.monotonic() - begin, '' if status == PASSED else said or 'they do not end'


def _imports(copy: Path, path: str) -> bool:
    module = path.removesuffix('.py').removesuffix('/__init__').replace('/', '.')
    return _python(copy, ['-c', f'import {module}'], limit=120)[0] == 0


def _python(copy: Path, arguments: Sequence[str], limit: float) -> tuple[int | None, str]:
    """(the status of Python run in a copy, None when time was up; what it said)."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=copy,
        # So that commands started by a test meet the copy too, from whatever folder.
        env={**os.environ, 'PYTHONPATH': str(copy), 'PYTHONDONTWRITEBYTECODE': '1'},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors='replace',
        start_new_session=True,
    )
    with process:
        try:
            said, _ = process.communicate(timeout=limit)
            return process.returncode, said
        except subprocess.TimeoutExpired:
            return None, ''
        finally:
            # Its whole group: a test may have left a process of its own behind.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
