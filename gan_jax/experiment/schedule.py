"""The schedule of a run: the steps at which it logs, samples, evaluates, snapshots and saves.

Consecutive steps with nothing due between them can be one dispatch.
"""

from collections.abc import Mapping
from typing import Any

from gan_jax.experiment.averages import with_std
from gan_jax.experiment.blocks import metric_blocks


def due(step: int, settings: Mapping[str, Any]) -> set[str]:
    """The actions at a step: 'log', 'sample', 'evaluate', 'full', 'checkpoint' and three more.

    'evaluate.NAME' are metrics with an interval of their own, a 'snapshot' is due if there are
    averages with a std, a 'report' if it has an interval. All actions at the last step. At step 0
    there is nothing to log or to save, and the full protocol is not worth its time.
    """
    every = {f'evaluate.{name}': block['every'] for name, block in metric_blocks(settings).items()}
    first = {'evaluate', *every}
    every |= settings['every']
    if not with_std(settings.get('averages', {})):
        every.pop('snapshot', None)
    if not every.get('report'):
        every.pop('report', None)
    if step == settings['steps']:
        return {*every}
    wanted = first if step == 0 else {*every} - {'sample'}
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

    The full protocol includes the frequent metrics, so that shared work is done once. A block of
    config.evaluate is an evaluation by itself, 'evaluate.NAME'.
    """
    asked = settings['evaluate']
    full = f'{asked["metrics"]},{asked["full"]}'.strip(',') if asked['full'] else ''
    found = {'evaluate': asked['metrics'], 'full': full}
    found |= {f'evaluate.{name}': names for name, names in _own(settings).items()}
    return {when: names for when, names in found.items() if names}


def evaluations_at(step: int, settings: Mapping[str, Any]) -> list[str]:
    """The metrics of each evaluation that is due at a step."""
    now, asked = due(step, settings), evaluations(settings)
    if 'full' in now and 'full' in asked:
        now.discard('evaluate')
    return [names for when, names in asked.items() if when in now]


def everything(settings: Mapping[str, Any]) -> str:
    """All metrics of a config, separated by commas."""
    asked = settings['evaluate']
    every = (asked['metrics'], asked['full'], *_own(settings).values())
    return ','.join(names for names in every if names)


def _own(settings: Mapping[str, Any]) -> dict[str, str]:
    """The metrics of each block of config.evaluate, by the block's name."""
    blocks = metric_blocks(settings).items()
    return {name: name if 'fn' in block else block['metrics'] for name, block in blocks}


def _picture_due(step: int, interval: int) -> bool:
    """True at multiples of the interval, and at powers of two before the first multiple."""
    return step % interval == 0 or (step < interval and step & (step - 1) == 0)
