"""Which runs share one compiled step, and how runs are dealt to the jobs of an array."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gan_jax.sweeps.plan import Run


def group(settings: Mapping[str, Any]) -> str:
    """What the compiled step depends on; runs of one group differ in data of the step alone.

    Seeds, strengths, learning rates and the weights of active terms reach the step through `Hyper`;
    a weight of 0 in the config takes its term out of the program.
    """
    code = {k: v for k, v in settings.items() if k not in ('seed', 'steps', 'every', 'evaluate')}
    code['augment'] = {**settings['augment'], 'strength': None}
    code['terms'] = {name: _without_numbers(block) for name, block in settings['terms'].items()}
    code['optim'] = {
        side: {**block, 'learning_rate': None} for side, block in settings['optim'].items()
    }
    return json.dumps(code)


def shard(runs: Sequence[Run], index: int, count: int) -> list[Run]:
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


def _without_numbers(block: Mapping[str, Any]) -> dict[str, Any]:
    """A term's block: of its weight, the parts and whether any acts; of its strength, nothing."""
    weight = block['weight']
    parts = weight if isinstance(weight, Mapping) else {'': weight}
    kept = {**block, 'weight': [any(parts.values()), *parts]}
    return kept | ({'strength': None} if 'strength' in block else {})
