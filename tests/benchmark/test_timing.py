"""Candidates take turns, in one order, by a clock that the test holds."""

import numpy as np

from gan_jax.benchmark.timing import interleave, spread


class Race:
    """A clock, and candidates whose steps take known seconds of it."""

    def __init__(self):
        self.now, self.taken = 0.0, []

    def clock(self):
        return self.now

    def candidate(self, name, seconds):
        def take(count):
            self.taken.append((name, count))
            self.now += seconds * count

        return take


def test_candidates_alternate():
    race, seen = Race(), []
    both = {name: race.candidate(name, seconds) for name, seconds in (('a', 2.0), ('b', 0.25))}
    turns = interleave(
        both, 3, least=1.0, clock=race.clock, tick=lambda done, total: seen.append((done, total))
    )
    assert race.taken[-6:] == [('a', 1), ('b', 4)] * 3
    assert turns.steps == {'a': 1, 'b': 4}
    assert seen == [(0, 3), (1, 3), (2, 3)]
    np.testing.assert_array_equal(turns.seconds['a'], [2.0] * 3)
    np.testing.assert_array_equal(turns.seconds['b'], [0.25] * 3)


def test_the_first_step_does_not_count():
    """It compiles; what it takes decides nothing."""
    race, calls = Race(), []

    def take(count):
        calls.append(count)
        race.now += 100.0 if len(calls) == 1 else 0.5 * count

    turns = interleave({'a': take}, 1, least=2.0, clock=race.clock)
    assert turns.steps == {'a': 4}
    assert turns.seconds['a'] == [0.5]


def test_a_wait_for_the_device_does_not_pass_for_a_step():
    """A step of 0.001 s behind a wait of 0.1 s: a turn of 0.5 s is hundreds of steps, not 5."""
    race = Race()

    def take(count):
        race.now += 0.1 + 0.001 * count

    turns = interleave({'a': take}, 1, least=0.5, clock=race.clock)
    assert turns.steps['a'] > 250


def test_spread():
    assert spread(np.array([3.0, 1.0, 7.0])) == {'median': 3.0, 'min': 1.0, 'max': 7.0}
