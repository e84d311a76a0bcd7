"""What a run starts from: nothing, or a checkpoint of this very experiment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gan_jax import checkpoint, cluster, config, data, workdir
from gan_jax.errors import UserError
from gan_jax.parts import Parts

Facts = Mapping[str, Any]


def facts_of(parts: Parts) -> Facts:
    """What a checkpoint says of its run, and a resumed run must have in common with it."""
    return {'config': parts.settings, 'data': data.digest(parts.dataset)}


def resume(
    parts: Parts, folder: Path, facts: Facts, *, step: int | None = None
) -> checkpoint.Restored | None:
    """The newest valid checkpoint of this very experiment, or that of `step`.

    Only for the process that holds the workdir: damaged checkpoints are moved out of the way. Of
    several processes that is the leader, and the others get what it has read.

    Returns:
        Its state is on the host. None when there has never been one.

    Raises:
        UserError: the workdir holds another run, or as `checkpoint.restore`.
    """
    mine: list[checkpoint.Restored] = []

    def read() -> dict[str, Any] | None:
        restored = _read(parts, folder, facts, step)
        if restored is None:
            return None
        mine.append(restored)
        return restored._replace(state=None)._asdict()

    told = cluster.agreed(read)
    if told is None:
        return None
    shapes = parts.program.shapes
    state = mine[0].state if mine else jax.tree.map(lambda x: np.empty(x.shape, x.dtype), shapes)
    return checkpoint.Restored(**told | {'state': cluster.shared(state)})


def _read(parts: Parts, folder: Path, facts: Facts, step: int | None) -> checkpoint.Restored | None:
    checkpoints = folder / 'checkpoints'
    if (folder / 'config.json').exists() and any(checkpoints.glob('[0-9]*')):
        _refuse_changes(folder, workdir.read_config(folder), facts['config'])
    restored = checkpoint.restore(checkpoints, parts.program.shapes, step=step, quarantine=True)
    if restored is None:
        return None
    for damaged in restored.damaged:
        print(f'gan_jax: the checkpoint of step {damaged} is damaged; moved to {folder}/quarantine')
    _refuse_changes(folder, restored.facts['config'], facts['config'])
    if restored.step > parts.settings['steps']:
        raise UserError(
            f'{folder} has gone to step {restored.step}, past config.steps '
            f'{parts.settings["steps"]}: give at least {restored.step}, or choose another --workdir'
        )
    if restored.facts['data'] != facts['data']:
        raise UserError(
            f'the images of config.data are not those that {folder} was trained on: '
            'restore them, or start again with another --workdir'
        )
    return restored


def _refuse_changes(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    changed = config.differences(old, new)
    if changed:
        raise UserError(
            f'{folder} holds a run of another config; give it back, or choose another --workdir:\n'
            + '\n'.join(f'  {line}' for line in changed)
        )
