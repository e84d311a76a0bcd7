"""The dry run: config, terms and views, sizes and cost of a run, without a step."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import jax

from gan_jax import data
from gan_jax.data import classes
from gan_jax.experiment.averages import snapshot_bytes
from gan_jax.experiment.setup import Setup
from gan_jax.models.critic import scope_of
from gan_jax.routing import route_views
from gan_jax.schedules import is_schedule
from gan_jax.state import nbytes


def describe(setup: Setup) -> str:
    """The resolved config, terms and their views, parameter counts and FLOPs of a step, as text."""
    experiment, program = setup.experiment, setup.program
    lines = [json.dumps(setup.settings, indent=2), '', 'terms and the views that they read:']
    routings = {
        side: route_views(experiment.terms, side, experiment.gan.augment.view) for side in 'dg'
    }
    for name in experiment.terms:
        lines.append(f'  {name}  weight {_weight(experiment.hyper.weights[name])}')
        for side in 'dg':
            if name in routings[side].objectives:
                read = [f'{n} = {v}' for n, v in routings[side].objectives[name].views.items()]
                lines.append(f'    {side}: {", ".join(read) or "no view"}')
    distinct = {side: len({*routings[side].views}) for side in 'dg'}
    lines += ['', f'views in one pass: {distinct["d"]} for d, {distinct["g"]} for g']
    height, width, channels = setup.dataset.images.shape[1:]
    named = classes.listed(setup.dataset.class_names, setup.dataset.num_classes)
    if (vectors := setup.dataset.vectors) is not None:
        named = classes.described(None, 0, vectors.table.shape[1])
    lines.append(f'images: {height}x{width}x{channels}, {named}')
    lines += _codes(setup)
    fault = '' if setup.outlined else data.content_fault(setup.dataset)
    if fault:
        lines.append(f'warning: {fault}')
    lines.append(f'generator: {_size(program.shapes.g.params):,} parameters')
    critic = dict(program.shapes.d.params)
    heads = {name: critic.pop(scope_of(name)) for name in experiment.gan.critic.heads}
    lines.append(f'discriminator: {_size(critic):,} parameters')
    lines += [f'head of terms.{name}: {_size(head):,} parameters' for name, head in heads.items()]
    nets = program.shapes.nets.items()
    lines += [f'network {name}: {_size(net.params):,} parameters' for name, net in nets]
    lines.append(f'state: {nbytes(program.shapes):,} bytes')
    lines += _snapshots(setup)
    cost = program.lower().cost_analysis() or {}
    if 'flops' in cost:
        lines.append(f'one step: {cost["flops"]:.4g} FLOPs (counted by XLA before optimisation)')
    return '\n'.join(lines)


def _codes(setup: Setup) -> Iterator[str]:
    if codes := setup.dataset.codes:
        shape = 'x'.join(map(str, codes.array.shape[1:]))
        yield f'codes that the networks see: {shape} in {codes.array.dtype}, by {codes.autoencoder}'


def _snapshots(setup: Setup) -> Iterator[str]:
    """The snapshots of averages in the workdir at the end of the run, if there are any."""
    settings = setup.settings
    if size := snapshot_bytes(setup.program.shapes, settings):
        count = settings['steps'] // settings['every']['snapshot']
        yield f'snapshots: {count:,} of {size:,} bytes, {count * size:,} in all'


def _size(params: Any) -> int:
    return sum(math.prod(x.shape) for x in jax.tree.leaves(params))


def _weight(weight: Any) -> str:
    if isinstance(weight, Mapping):
        return ', '.join(f'{part} {_weight(w)}' for part, w in weight.items())
    return 'by a schedule' if is_schedule(weight) else f'{weight:g}'
