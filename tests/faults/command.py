"""The public commands as processes of their own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
LONGEST = 240.0  # seconds; a command that takes longer hangs


class Ended(NamedTuple):
    """The end of a command.

    Attributes:
        status: its exit status; minus the signal that killed it; None when it hung.
        out: what it printed.
        err: what it said on standard error.
    """

    status: int | None
    out: str
    err: str


def plain(program: str, *flags: str) -> list[str]:
    """`python -m gan_jax.PROGRAM FLAGS`."""
    return [sys.executable, '-m', f'gan_jax.{program}', *flags]


def bitten(bite: Mapping[str, Any], program: str, *flags: str) -> list[str]:
    """The same, with a bite of `tests.faults.bitten`."""
    return [
        *(sys.executable, '-m', 'tests.faults.bitten'),
        *(json.dumps(bite), f'gan_jax.{program}', *flags),
    ]


def start(command: Sequence[str], **options: Any) -> subprocess.Popen:
    """The command as it is started by hand, its working directory the checkout."""
    options = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, 'cwd': ROOT} | options
    # A group of its own, so that what hangs is ended with all that it has started.
    return subprocess.Popen(command, text=True, errors='replace', start_new_session=True, **options)


def ended(process: subprocess.Popen, longest: float = LONGEST) -> Ended:
    """Waits for its end; what hangs is killed."""
    try:
        out, err = process.communicate(timeout=longest)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        return Ended(None, out or '', err or '')
    return Ended(process.returncode, out or '', err or '')


def run(command: Sequence[str], **options: Any) -> Ended:
    return ended(start(command, **options))
