"""Commands as processes of their own, which are sent a signal once they remember it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Whatever `nohup` has started ignores it, and so do its children.
outside_nohup = pytest.mark.skipif(
    signal.getsignal(signal.SIGHUP) == signal.SIG_IGN, reason='these tests run under nohup'
)
BOUND = 120  # seconds: a step that is being compiled is compiled on a machine with other work


def launch(*arguments):
    """`python` with these arguments, once it remembers signals."""
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not catches(process.pid, signal.SIGTERM):
        time.sleep(0.001)
    return process


def catches(pid, number):
    """True if the process has a handler, which it can set from Python's first line on."""
    status = Path(f'/proc/{pid}/status').read_text()
    (mask,) = (line.split()[1] for line in status.splitlines() if line.startswith('SigCgt'))
    return bool(int(mask, 16) >> (number - 1) & 1)


def stopped(process, number, delay):
    """(exit status, what it has said) of a process that is sent a signal."""
    time.sleep(delay)
    process.send_signal(number)
    out, err = process.communicate(timeout=BOUND)
    return process.returncode, out, err
