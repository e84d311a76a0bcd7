"""What a run would do: the config, its terms and views, sizes and cost, without a step."""

import json
import math
from collections.abc import Mapping
from typing import Any

import jax

from gan_jax import views
from gan_jax.experiment import Experiment
from gan_jax.program import Program


def describe(config: Mapping[str, Any], experiment: Experiment, program: Program) -> str:
    """The resolved config, a table of terms and views, parameter counts and FLOPs of a step."""
    lines = [json.dumps(config, indent=2), '', 'terms and the views that they read:']
    policy = experiment.game.augment.view
    for name, term in experiment.terms.items():
        lines.append(f'  {name}  weight {_weight(experiment.hyper.weights[name])}')
        for side in 'dg':
            objective = getattr(term, side)
            if objective is not None:
                read = [_view(n, views.settle(v, policy)) for n, v in objective.views.items()]
                lines.append(f'    {side}: {", ".join(read) or "no view"}')
    seen = {
        side: {
            views.settle(v, policy)
            for term in experiment.terms.values()
            for v in (getattr(term, side).views.values() if getattr(term, side) else ())
        }
        for side in 'dg'
    }
    lines += ['', f'views in one pass: {len(seen["d"])} for d, {len(seen["g"])} for g']
    for side, net in (('generator', program.shapes.g), ('discriminator', program.shapes.d)):
        lines.append(f'{side}: {_size(net.params):,} parameters')
    state = sum(math.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(program.shapes))
    lines.append(f'state: {state:,} bytes')
    cost = program.lower().cost_analysis() or {}
    if 'flops' in cost:
        lines.append(f'one step: {cost["flops"]:.4g} FLOPs (counted by XLA before optimisation)')
    return '\n'.join(lines)


def _size(params: Any) -> int:
    return sum(math.prod(x.shape) for x in jax.tree.leaves(params))


def _weight(weight: Any) -> str:
    if isinstance(weight, Mapping):
        return ', '.join(f'{part} {w:g}' for part, w in weight.items())
    return f'{weight:g}'


def _view(name: str, view: views.View) -> str:
    if view.make is views.plain:
        return f'{name} = {view.source}'
    policy = f' {view.policy}' if view.policy else ''
    draw = f' #{view.draw}' if view.draw else ''
    return f'{name} = {view.make.__name__} {view.source}{policy}{draw}'
