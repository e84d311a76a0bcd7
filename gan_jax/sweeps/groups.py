"""Which runs share one compiled step or one population, and how runs are dealt to jobs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_jax.runtime import workdir
from gan_jax.sweeps.grid import SweepRun


def group(settings: Mapping[str, Any]) -> str:
    """What the compiled step and the prepared metrics depend on; all else is data of the step.

    Seeds, strengths, learning rates and the weights of active terms reach the step through `Hyper`;
    a weight of 0 in the config takes its term out of the program.
    """
    code = {k: v for k, v in settings.items() if k not in ('seed', 'steps', 'every')}
    code['augment'] = {**settings['augment'], 'strength': None}
    code['terms'] = {name: _without_numbers(block) for name, block in settings['terms'].items()}
    code['optim'] = {
        side: {**block, 'learning_rate': None} for side, block in settings['optim'].items()
    }
    return json.dumps(code)


def shard(runs: Sequence[SweepRun], index: int, count: int) -> list[SweepRun]:
    """The runs of part `index` of `count`, in their order; sizes differ by one at most.

    Groups are cut only where a part is full, so that few parts compile the same step.
    """
    numbered: dict[str, int] = {}
    for run in runs:
        numbered.setdefault(group(run.settings), len(numbered))
    together = sorted(runs, key=lambda run: numbered[group(run.settings)])
    mine = together[index * len(runs) // count : (index + 1) * len(runs) // count]
    names = {run.name for run in mine}
    return [run for run in runs if run.name in names]


def members(folder: Path, runs: Sequence[SweepRun], count: int) -> list[SweepRun]:
    """The first of the runs and up to count - 1 later ones that one population can train with it.

    They share their group, last step, intervals and evaluation; and either no run has a checkpoint,
    or there is a step of which all have one.

    Args:
        folder: the sweep's; each run has its own below.
        runs: what is to be done, at least one.
        count: of members.
    """
    first, *others = runs
    chosen, steps = [first], workdir.steps(folder / first.name / 'checkpoints')
    for run in others:
        if len(chosen) == count:
            break
        theirs = workdir.steps(folder / run.name / 'checkpoints')
        if _kind(run) == _kind(first) and (steps & theirs or not steps | theirs):
            chosen.append(run)
            steps &= theirs
    return chosen


def _kind(run: SweepRun) -> tuple[Any, ...]:
    return group(run.settings), run.settings['steps'], run.settings['every']


def _without_numbers(block: Mapping[str, Any]) -> dict[str, Any]:
    """A term's block: of its weight, the parts and whether any acts; of its strength, nothing."""
    weight = block['weight']
    parts = weight if isinstance(weight, Mapping) else {'': weight}
    kept = {**block, 'weight': [any(parts.values()), *parts]}
    return kept | ({'strength': None} if 'strength' in block else {})
