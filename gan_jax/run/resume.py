"""Resuming a run: the newest valid checkpoint of the same experiment, or a fresh start."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gan_jax import data, labels
from gan_jax.data.dataset import as_seen, codes_record, training_digest
from gan_jax.experiment import config
from gan_jax.experiment.setup import Setup
from gan_jax.run import log
from gan_jax.runtime import checkpoint, distributed, output, workdir
from gan_jax.runtime.errors import DATA, UserError

Fingerprint = Mapping[str, Any]


def fingerprint(setup: Setup) -> Fingerprint:
    """The config, the digest of the data and the form of the images of a run.

    A checkpoint stores them. A resumed run must have the same config and data. The shape is the one
    that the generator makes. Codes come with all that they are decoded by.
    """
    codes = codes_record(setup.dataset)
    return {
        'config': setup.settings,
        'data': training_digest(setup.dataset),
        'images': {
            'shape': list(as_seen(setup.dataset).images.shape[1:]),
            'class_counts': labels.to_json(setup.experiment.gan.class_counts),
            'class_names': setup.reference.class_names,
            **({'codes': codes} if codes else {}),
        },
    }


def resume(
    setup: Setup, folder: Path, fingerprint: Fingerprint, *, step: int | None = None
) -> checkpoint.Restored | None:
    """The newest valid checkpoint of the same experiment, or the checkpoint of `step`.

    Only for the process that holds the workdir: damaged checkpoints are moved out of the way. With
    several processes the leader reads, and broadcasts to the others.

    Returns:
        The checkpoint, with its state on the host. None if there has never been one.

    Raises:
        UserError: the workdir holds another run (2), no valid checkpoint of the run is left (65),
            or as `checkpoint.restore`.
    """
    mine: list[checkpoint.Restored] = []

    def read() -> dict[str, Any] | None:
        restored = _read(setup, folder, fingerprint, step)
        if restored is None:
            return None
        mine.append(restored)
        return restored._replace(state=None)._asdict()

    fields = distributed.broadcast_json(read)
    if fields is None:
        return None
    shapes = setup.program.shapes
    state = mine[0].state if mine else jax.tree.map(lambda x: np.empty(x.shape, x.dtype), shapes)
    return checkpoint.Restored(**fields | {'state': distributed.broadcast(state)})


def check_config(folder: Path, settings: Mapping[str, Any]) -> None:
    """Refuses a config with which the run in a workdir does not go on; no checkpoint is read.

    Args:
        folder: the workdir.
        settings: the resolved config.

    Raises:
        UserError: the workdir holds a run of another config, or one past `steps`.
    """
    reached = _reached(folder)
    if reached and (kept := _kept_config(folder)) is not None:
        _refuse_changes(folder, kept, settings)
    _refuse_end(folder, max(workdir.steps(folder / 'checkpoints'), default=0), settings)


def _refuse_end(folder: Path, step: int, settings: Mapping[str, Any]) -> None:
    if step > settings['steps']:
        raise UserError(
            f'{folder} has gone to step {step}, past config.steps {settings["steps"]}: give at '
            f'least --config.steps={step}, or choose another --workdir'
        )


def last_seen(restored: checkpoint.Restored | None) -> int:
    """The last step with everything due at it written; -1 if there is none.

    A signal during an evaluation leaves the evaluation undone, and the resumed run does it first.
    """
    if restored is None:
        return -1
    return restored.step if restored.metadata['seen'] else restored.step - 1


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """`config.differences`, except for the path of a data set: its digest identifies the data."""
    names = [config.flat(one).get('data.name') for one in (old, new)]
    if all(isinstance(name, str) and data.is_path(name) for name in names):
        new = {**new, 'data': {**new['data'], 'name': names[0]}}
    return config.differences(old, new)


def set_aside(folder: Path) -> None:
    """Moves the run in a workdir to a folder below the workdir; collective."""
    moved = distributed.broadcast_json(lambda: str(workdir.set_aside(folder) or ''))
    if moved and distributed.is_leader():
        output.say(f'gan_jax: the run that was in {folder} is now in {moved}')


def _read(
    setup: Setup, folder: Path, fingerprint: Fingerprint, step: int | None
) -> checkpoint.Restored | None:
    reached, saved = _reached(folder), last_saved(folder)
    if reached and (kept := _kept_config(folder)) is not None:
        _refuse_changes(folder, kept, fingerprint['config'])
    try:
        restored = checkpoint.restore(
            folder / 'checkpoints', setup.program.shapes, step=step, quarantine=True
        )
    except checkpoint.AllDamaged as error:
        raise _lost(setup, folder, max(reached, *error.steps)) from error
    if restored is None:
        if was_saved(folder):
            raise _lost(setup, folder, reached)
        return None
    for damaged in restored.damaged:
        output.note(
            f'the checkpoint of step {damaged} is damaged; moved to '
            f'{folder}/{checkpoint.QUARANTINE}, and the run goes on from step {restored.step}'
        )
    if step is None and is_gone(saved, restored):
        output.note(
            f'{folder} has lost its checkpoint of step {saved}; the run goes on from step '
            f'{restored.step}'
        )
    _refuse_changes(folder, restored.metadata['config'], fingerprint['config'])
    _refuse_end(folder, restored.step, setup.settings)
    if restored.metadata['data'] != fingerprint['data']:
        raise UserError(
            f'the images of config.data are not those that {folder} was trained on: '
            'restore them, or start again with another --workdir'
        )
    return restored


def _kept_config(folder: Path) -> Mapping[str, Any] | None:
    """The config in config.json; None if it is unreadable and a checkpoint, with a copy, exists."""
    try:
        return workdir.read_config(folder)
    except UserError:
        if (folder / 'config.json').exists() and not workdir.steps(folder / 'checkpoints'):
            raise
        return None


def _refuse_changes(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    changed = differences(old, new)
    if changed:
        raise UserError(
            f'{folder} holds a run of another config; give that config to go on with it, choose '
            'another --workdir, or begin again by --restart, which moves that run to '
            f'{folder}/{workdir.EARLIER}:\n' + '\n'.join(f'  {line}' for line in changed)
        )


def last_saved(folder: Path) -> int:
    """The step of the newest saved checkpoint according to status.json; -1 if unknown.

    If the run may still be training, call this before looking for checkpoints.
    """
    saved = (workdir.read_status(folder) or {}).get('checkpoint')
    return saved if type(saved) is int else -1


def is_gone(saved: int, restored: checkpoint.Restored) -> bool:
    """True if the checkpoint of `last_saved` is newer than all that exist, valid or damaged."""
    return saved > max([restored.step, *restored.damaged])


def _reached(folder: Path) -> int:
    """The last step that any file in the workdir mentions; 0 if there is none."""
    status = workdir.read_status(folder)
    found = {row['step'] for row in log.read_rows(folder / log.NAME)} | {
        status['step'] if status else 0
    }
    for place in ('checkpoints', 'best', checkpoint.QUARANTINE):
        found |= workdir.steps(folder / place)
    return max(found)


def was_saved(folder: Path) -> bool:
    """True if the run in a workdir without checkpoints has ever saved one.

    False for a run that was killed before its first checkpoint: to begin it again loses nothing.
    """
    status = workdir.read_status(folder) or {}
    known = 'checkpoint' in status and not workdir.steps(folder / checkpoint.QUARANTINE)
    return status['checkpoint'] is not None if known else _reached(folder) > 0


def _lost(setup: Setup, folder: Path, reached: int) -> UserError:
    """The error for a run without a valid checkpoint: it must not silently start from nothing."""
    ways = []
    if (best := _best(setup, folder)) is not None:
        (folder / 'checkpoints').mkdir(exist_ok=True)
        copied = ['cp', '-r', f'{folder}/best/{best}', f'{folder}/checkpoints/']
        ways.append(f'to go on from step {best}: {shlex.join(copied)}')
    ways.append(f'restore {folder}/checkpoints from a copy')
    if workdir.steps(folder / checkpoint.QUARANTINE):
        ways.append(f'what was damaged lies in {folder}/{checkpoint.QUARANTINE}')
    ways.append('choose another --workdir')
    ways.append(f'begin again by --restart, which moves this run to {folder}/{workdir.EARLIER}')
    return UserError(
        f'{folder} has been trained to step {reached} and holds no sound checkpoint of it:\n'
        + '\n'.join(f'  {way}' for way in ways),
        DATA,
    )


def _best(setup: Setup, folder: Path) -> int | None:
    """The step of the best checkpoint, if it is valid."""
    try:
        found = checkpoint.restore(folder / 'best', setup.program.shapes)
    except UserError:
        return None
    return None if found is None else found.step
