"""The type of an attack: a random trial, and the guard without which it must lose."""

import random
from collections.abc import Callable
from typing import NamedTuple

from tests.faults.bench import Bench

# Sets up, bites, and says what was lost; '' when nothing was. It draws everything from the one
# generator that it is given, and knows how many trials came before it.
Trial = Callable[[Bench, random.Random, int], str]


class Guard(NamedTuple):
    """A piece of the source, and what stands in its place when the guard is taken out.

    Attributes:
        path: of the file, below the checkout.
        old: stands in it once.
        new: the same lines without the guard.
    """

    path: str
    old: str
    new: str


class Attack(NamedTuple):
    """A kind of fault.

    Attributes:
        name: as in the table.
        count: how many trials there are with N=1.
        trial: one of them.
        guard: must make one of the first `count` trials lose when it is taken out.
        needs: whether it can be tried on this machine.
    """

    name: str
    count: int
    trial: Trial
    guard: Guard
    needs: Callable[[], bool] = lambda: True


def draws(name: str, index: int) -> random.Random:
    """The generator of a trial: the same in every run of the plan."""
    return random.Random(f'{name}, trial {index}')
