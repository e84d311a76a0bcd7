"""What a command does first."""

import gc
import subprocess
import sys
from types import SimpleNamespace

import pytest

from gan_jax.runtime import begin, cli, signals


def test_what_tensorstore_says_too_late_is_not_shown(monkeypatch):
    shown = []
    monkeypatch.setattr(sys, '__unraisablehook__', shown.append)
    late, mine = RuntimeError('Event loop is closed'), RuntimeError('mine')
    for error in (late, mine):
        begin.unraisable(SimpleNamespace(exc_value=error))
    assert [found.exc_value for found in shown] == [mine]


def test_a_signal_that_comes_while_garbage_is_collected_is_told_once(monkeypatch):
    """`signals.check` raises it again; without a signal it is nobody's, and is shown."""
    shown = []
    monkeypatch.setattr(sys, '__unraisablehook__', shown.append)
    for received in (130, 0):
        monkeypatch.setattr(signals, 'received', lambda received=received: received)
        begin.unraisable(SimpleNamespace(exc_value=KeyboardInterrupt()))
    assert len(shown) == 1


def test_the_garbage_collector_rests_during_the_imports_and_passes_over_them():
    code = """
import gc
from gan_jax.runtime import begin, collector
before = gc.get_freeze_count()  # Python 3.12 begins with some hundreds
begin.command()
print(gc.isenabled(), gc.get_freeze_count() - before)
collector.resume()
print(gc.isenabled(), gc.get_freeze_count() - before > 1000)
"""
    ran = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ['False', '0', 'True', 'True']


def test_a_command_collects_garbage_again_once_it_runs(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['command'])
    gc.disable()
    try:
        with pytest.raises(SystemExit):
            cli.run(lambda arguments: None)
        assert gc.isenabled()
    finally:
        gc.enable()
