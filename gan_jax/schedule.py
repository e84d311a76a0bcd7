"""When a run looks at what: the steps at which something is due, and what is measured then."""

from collections.abc import Mapping
from typing import Any

from gan_jax.evaluate.names import is_distance


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


def evaluations(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """When metrics are looked at, and which: ('evaluate', 'fd_digits'), ('full', 'fid10k_test')."""
    asked = settings['evaluate']
    return [('evaluate', asked['metrics']), ('full', asked['full'])]


def best_by(settings: Mapping[str, Any]) -> str:
    """The metric of the best checkpoint: the first distance that is measured; '' when none is."""
    names = ','.join(metrics for _, metrics in evaluations(settings)).split(',')
    return next(filter(is_distance, names), '')


def _picture_due(step: int, interval: int) -> bool:
    """Always at multiples of the interval, and at powers of two before the first."""
    return step % interval == 0 or (step < interval and step & (step - 1) == 0)
