"""Groups of runs with one compiled step, members of one population, and shares of jobs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_jax.experiment.kinds import TERM
from gan_jax.experiment.numbers import AVERAGE, apart, data_keywords, without_data
from gan_jax.runtime import workdir
from gan_jax.sweeps.grid import SweepRun


def group(settings: Mapping[str, Any]) -> str:
    """A key, equal for runs that share the compiled step and the prepared metrics.

    Left out are seeds, strengths, probabilities, learning rates, the weights of active terms, the
    half-lives of `averages`, the numbers of schedules and the keywords that a term marks as data:
    they are data of the step, in `Hyper`. A weight of 0 in the config takes its term out of the
    program.
    """
    plain, schedules = apart(settings)
    code = {k: v for k, v in plain.items() if k not in ('seed', 'steps', 'every', 'writers')}
    code['augment'] |= {'strength': None, 'probability': None}
    code['terms'] = {name: _without_numbers(block) for name, block in plain['terms'].items()}
    code['optim'] = {
        side: {**block, 'learning_rate': None} for side, block in plain['optim'].items()
    }
    code['averages'] = {
        name: {**block, **dict.fromkeys(block.keys() & AVERAGE.keys())}
        for name, block in plain.get('averages', {}).items()
    }
    return json.dumps([code, {key: without_data(one) for key, one in schedules.items()}])


def shard(runs: Sequence[SweepRun], index: int, count: int) -> list[SweepRun]:
    """The runs of shard `index` of `count`, in their order; sizes differ by one at most.

    A group is split only where a shard is full, so that few shards compile the same step.
    """
    numbered: dict[str, int] = {}
    for run in runs:
        numbered.setdefault(group(run.settings), len(numbered))
    together = sorted(runs, key=lambda run: numbered[group(run.settings)])
    mine = together[index * len(runs) // count : (index + 1) * len(runs) // count]
    names = {run.name for run in mine}
    return [run for run in runs if run.name in names]


def members(folder: Path, runs: Sequence[SweepRun], count: int) -> list[SweepRun]:
    """The first run, and up to count - 1 later runs that can train with it as one population.

    They share their group, last step, intervals and evaluation. Either no member has a checkpoint,
    or all have a checkpoint of a common step.

    Args:
        folder: the sweep's workdir, with a folder for each run.
        runs: the runs to do, at least one.
        count: the largest number of members.
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
    """A term's block without its strength, and with the names of its weights in place of values."""
    weight = block['weight']
    parts = weight if isinstance(weight, Mapping) else {'': weight}
    kept = {**block, 'weight': [any(parts.values()), *parts]}
    kept |= dict.fromkeys(data_keywords(block, TERM))
    return kept | {key: None for key in ('strength', 'probability') if key in block}
