"""The schedule of a run: the steps at which it logs, draws, evaluates and saves.

Steps between which nothing is due can be one dispatch.
"""

from collections.abc import Mapping
from typing import Any


def due(step: int, settings: Mapping[str, Any]) -> set[str]:
    """What is to be done at a step, of 'log', 'sample', 'evaluate', 'full' and 'checkpoint'.

    At the last one that is everything; before the first there is nothing to log or to save, and
    the full protocol is not worth its time.
    """
    every = settings['every']
    if step == settings['steps']:
        return {'log', 'sample', 'evaluate', 'full', 'checkpoint'}
    wanted = {'evaluate'} if step == 0 else {'log', 'evaluate', 'full', 'checkpoint'}
    found = {name for name in wanted if step % every[name] == 0}
    return found | ({'sample'} if _picture_due(step, every['sample']) else set())


def acting(step: int, every: Mapping[str, int]) -> frozenset[str]:
    """The terms that act in the step after `step`, of those in `every`, name -> each how many."""
    return frozenset(name for name, interval in every.items() if step % interval == 0)


def dispatch_length(
    step: int, most: int, settings: Mapping[str, Any], every: Mapping[str, int]
) -> int:
    """How many steps from `step` on are one dispatch: `most`, or 1.

    They are `most` if `step` is a multiple of it, nothing is due between them and the same terms
    act in all. That depends on no step before: a resumed run makes the dispatches that one makes
    which was never stopped, and so has its bits.

    Args:
        step: steps that are done.
        most: what is tried.
        settings: the resolved config.
        every: of each term, how often it acts.
    """
    together = range(step, step + most)
    aligned = step % most == 0
    alike = len({acting(one, every) for one in together}) == 1
    return most if aligned and alike and not any(due(s, settings) for s in together[1:]) else 1


def evaluations(settings: Mapping[str, Any]) -> dict[str, str]:
    """What is measured when: {'evaluate': 'fd_digits', 'full': 'fd_digits,fid10k_test'}.

    The full protocol has the other metrics in it, so that what both need is done once.
    """
    asked = settings['evaluate']
    found = {'evaluate': asked['metrics'], 'full': everything(asked) if asked['full'] else ''}
    return {when: names for when, names in found.items() if names}


def everything(asked: Mapping[str, Any]) -> str:
    """All metrics that a config's block `evaluate` names."""
    return f'{asked["metrics"]},{asked["full"]}'.strip(',')


def _picture_due(step: int, interval: int) -> bool:
    """Always at multiples of the interval, and at powers of two before the first."""
    return step % interval == 0 or (step < interval and step & (step - 1) == 0)
