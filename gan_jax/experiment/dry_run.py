"""The dry run: config, terms and views, sizes and cost of a run, without a step."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gan_jax import data
from gan_jax.data import classes
from gan_jax.data.dataset import label_size, label_words
from gan_jax.experiment import summary
from gan_jax.experiment.averages import snapshot_bytes
from gan_jax.experiment.setup import Setup
from gan_jax.schedules import is_schedule
from gan_jax.state import nbytes


def describe(setup: Setup, found: Mapping[str, Any]) -> str:
    """The resolved config, terms and their views, parameter counts and FLOPs of a step, as text.

    Args:
        setup: the setup of the run.
        found: its `summary.summary`.
    """
    experiment, program = setup.experiment, setup.program
    lines = [json.dumps(setup.settings, indent=2), '', 'terms and the views that they read:']
    routings = summary.routings(setup)
    for name in experiment.terms:
        lines.append(f'  {name}  weight {_weight(experiment.hyper.weights[name])}')
        for side in 'dg':
            if name in routings[side].objectives:
                read = [f'{n} = {v}' for n, v in routings[side].objectives[name].views.items()]
                lines.append(f'    {side}: {", ".join(read) or "no view"}')
    lines += ['', f'views in one pass: {found["views"]["d"]} for d, {found["views"]["g"]} for g']
    height, width, channels = setup.dataset.images.shape[1:]
    named = classes.listed(setup.dataset.class_names, setup.dataset.num_classes)
    if label_size(setup.dataset):
        named = label_words(setup.dataset)
    lines.append(f'images: {height}x{width}x{channels}, {named}')
    images = found['images']
    lines.append(f'images to train on: {images["count"]:,}{summary.held_out(images)}')
    lines += _codes(setup)
    fault = '' if setup.outlined else data.content_fault(setup.dataset)
    if fault:
        lines.append(f'warning: {fault}')
    lines += [f'{name}: {count:,} parameters' for name, count in found['parameters'].items()]
    lines.append(f'state: {nbytes(program.shapes):,} bytes')
    lines += _snapshots(setup)
    if found['flops']:
        lines.append(f'one step: {found["flops"]:.4g} FLOPs (counted by XLA before optimisation)')
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


def _weight(weight: Any) -> str:
    if isinstance(weight, Mapping):
        return ', '.join(f'{part} {_weight(w)}' for part, w in weight.items())
    return 'by a schedule' if is_schedule(weight) else f'{weight:g}'
