"""Who watches work sees a signal at the next tick."""

import pytest

from gan_jax.runtime import signals
from gan_jax.runtime.progress import Stopped, bar, cancellable


def test_a_bar_raises_an_interrupt_that_was_swallowed(monkeypatch):
    with bar('work') as tick:
        tick(0, 2)
        monkeypatch.setattr(signals, '_received', [2])
        with pytest.raises(KeyboardInterrupt):
            tick(1, 2)


def test_a_piece_of_work_ends_at_the_tick_after_a_signal(monkeypatch):
    with cancellable(signals.received)('work') as tick:
        tick(0, 2)
        monkeypatch.setattr(signals, '_received', [15])
        with pytest.raises(Stopped):
            tick(1, 2)
    with pytest.raises(Stopped), cancellable(signals.received)('work'):
        pass
