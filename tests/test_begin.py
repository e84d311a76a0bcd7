"""What a command does first."""

import sys
from types import SimpleNamespace

from gan_jax import begin


def test_what_tensorstore_says_too_late_is_not_shown(monkeypatch):
    shown = []
    monkeypatch.setattr(sys, '__unraisablehook__', shown.append)
    late, mine = RuntimeError('Event loop is closed'), RuntimeError('mine')
    for error in (late, mine):
        begin.unraisable(SimpleNamespace(exc_value=error))
    assert [found.exc_value for found in shown] == [mine]
