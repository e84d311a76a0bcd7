"""What a command does first."""

import sys
from types import SimpleNamespace

from gan_jax.runtime import begin, signals


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
