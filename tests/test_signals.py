"""One signal asks, a second one ends."""

import os
import signal
import subprocess
import sys

import pytest

from gan_jax.signals import stop_on_signal


@pytest.mark.parametrize(
    ('number', 'status'), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=['term', 'int']
)
def test_a_signal_is_noted_and_its_status_given(number, status):
    before = signal.getsignal(number)
    with stop_on_signal() as stopped:
        assert stopped() == 0
        os.kill(os.getpid(), number)
        assert stopped() == status
    assert signal.getsignal(number) is before


def test_a_second_signal_ends_the_process_at_once():
    script = (
        'import os, signal, time\n'
        'from gan_jax.signals import stop_on_signal\n'
        'with stop_on_signal():\n'
        '    os.kill(os.getpid(), signal.SIGTERM)\n'
        '    print("still here", flush=True)\n'
        '    os.kill(os.getpid(), signal.SIGTERM)\n'
        '    time.sleep(60)\n'
    )
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, timeout=30)
    assert (done.returncode, done.stdout) == (143, b'still here\n')
