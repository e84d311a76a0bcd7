"""The schedule of a run: the steps at which it logs, samples, evaluates and saves.

Consecutive steps with nothing due between them can be one dispatch.
"""

from collections.abc import Mapping
from typing import Any


def due(step: int, settings: Mapping[str, Any]) -> set[str]:
    """The actions at a step: a subset of 'log', 'sample', 'evaluate', 'full' and 'checkpoint'.

    All of them at the last step. At step 0 there is nothing to log or to save, and the full
    protocol is not worth its time.
    """
    every = settings['every']
    if step == settings['steps']:
        return {'log', 'sample', 'evaluate', 'full', 'checkpoint'}
    wanted = {'evaluate'} if step == 0 else {'log', 'evaluate', 'full', 'checkpoint'}
    found = {name for name in wanted if step % every[name] == 0}
    return found | ({'sample'} if _picture_due(step, every['sample']) else set())


def acting(step: int, every: Mapping[str, int]) -> frozenset[str]:
    """The terms that act in the step after `step`; `every` gives each term's interval in steps."""
    return frozenset(name for name, interval in every.items() if step % interval == 0)


def dispatch_length(
    step: int, most: int, settings: Mapping[str, Any], every: Mapping[str, int]
) -> int:
    """The number of steps from `step` on in one dispatch: `most`, or 1.

    It is `most` if `step` is a multiple of `most`, nothing is due between the steps and the same
    terms act in all of them. This does not depend on earlier steps, so a resumed run makes the same
    dispatches, and gets the same bits, as a run that was never stopped.

    Args:
        step: number of steps done.
        most: largest number of steps in a dispatch.
        settings: the resolved config.
        every: interval of each term, in steps.
    """
    together = range(step, step + most)
    aligned = step % most == 0
    alike = len({acting(one, every) for one in together}) == 1
    return most if aligned and alike and not any(due(s, settings) for s in together[1:]) else 1


def evaluations(settings: Mapping[str, Any]) -> dict[str, str]:
    """The metrics of each evaluation: {'evaluate': 'fd_digits', 'full': 'fd_digits,fid10k_test'}.

    The full protocol includes the frequent metrics, so that shared work is done once.
    """
    asked = settings['evaluate']
    found = {'evaluate': asked['metrics'], 'full': everything(asked) if asked['full'] else ''}
    return {when: names for when, names in found.items() if names}


def everything(asked: Mapping[str, Any]) -> str:
    """All metrics in a config's block `evaluate`, separated by commas."""
    return f'{asked["metrics"]},{asked["full"]}'.strip(',')


def _picture_due(step: int, interval: int) -> bool:
    """True at multiples of the interval, and at powers of two before the first multiple."""
    return step % interval == 0 or (step < interval and step & (step - 1) == 0)
