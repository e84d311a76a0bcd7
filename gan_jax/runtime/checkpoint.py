"""Checkpoints: orbax writes and commits them, digests of ours prove every byte on the way back.

Orbax makes a save atomic; it does not notice a flipped bit in an array. So a checkpoint carries
the SHA-256 of every leaf, a damaged one is moved to `quarantine/`, and the newest valid one before
it is used.
"""

import errno
import os
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp

from gan_jax.runtime import workdir
from gan_jax.runtime.errors import DATA, DISK, MISSING, Diverged, UserError, first_line
from gan_jax.runtime.leaves import (
    by_name,
    check_leaves,
    digests,
    json_digest,
    named_leaves,
    struct_of,
)

KEEP = 3
QUARANTINE = 'quarantine'  # beside the checkpoints
REFUSALS = (errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE)

# Orbax numbers the saves of all its managers in one place, and must not begin two at a time.
_SAVING = threading.Lock()


class AllDamaged(UserError):
    """There are checkpoints, and none of them is sound.

    Attributes:
        steps: of the damaged ones.
    """

    def __init__(self, folder: Path, steps: list[int]):
        numbers = ', '.join(map(str, steps))
        many = len(steps) > 1
        named = f'checkpoints of steps {numbers}' if many else f'checkpoint of step {numbers}'
        super().__init__(
            f'the {named} in {folder} {"are" if many else "is"} damaged: restore one from a copy',
            DATA,
        )
        self.steps = steps


class Restored(NamedTuple):
    """A checkpoint whose every leaf matched its digest.

    Attributes:
        step: of the checkpoint.
        state: like the template, on the host.
        metadata: what `save` was given.
        digest: SHA-256 over the digests of all leaves, hex.
        damaged: newer steps that failed their digests.
    """

    step: int
    state: Any
    metadata: Mapping[str, Any]
    digest: str
    damaged: list[int]


def manager(folder: Path, *, keep: int = KEEP, read_only: bool = False) -> ocp.CheckpointManager:
    """Orbax's manager of the checkpoints in a folder: synchronous, the newest `keep` stay.

    It is this process's own affair: of several in a run, one has the folder.
    """
    alone = ocp.options.MultiprocessingOptions(
        primary_host=jax.process_index(), active_processes={jax.process_index()}
    )
    options = ocp.CheckpointManagerOptions(
        max_to_keep=keep,
        enable_async_checkpointing=False,
        create=False,
        read_only=read_only,
        multiprocessing_options=alone,
    )
    if not read_only:
        folder.mkdir(parents=True, exist_ok=True)
        # Orbax would do it while it saves already, and could meet what is being written.
        _remove_unfinished(folder, '*')
    return ocp.CheckpointManager(folder.absolute(), options=options)


def save(checkpoints: ocp.CheckpointManager, state: Any, metadata: Mapping[str, Any]) -> str:
    """Writes a state with a `step` leaf, and returns its digest once it is committed.

    Args:
        checkpoints: from `manager`.
        state: a tree of arrays.
        metadata: JSON that is kept and checked beside it.

    Raises:
        Diverged: a leaf is not finite.
        UserError: the disk is full or fails (74); the checkpoints before this one are untouched.
    """
    leaves = named_leaves(state)
    for name, leaf in leaves.items():
        if not np.all(np.isfinite(leaf)):
            raise Diverged(
                f'{name} is not finite at step {leaves["step"]}: the run has diverged, and this '
                'state is not saved'
            )
    step = int(leaves['step'])
    record = {'step': step, 'leaves': digests(leaves), **metadata}
    arguments = ocp.args.Composite(
        state=ocp.args.StandardSave(leaves),
        record=ocp.args.JsonSave({**record, 'digest': json_digest(record)}),
    )
    try:
        with _SAVING:
            checkpoints.save(step, args=arguments, force=True)
            checkpoints.wait_until_finished()
    except (OSError, ValueError, RuntimeError) as error:
        folder = Path(checkpoints.directory)
        _remove_unfinished(folder, step)
        need = sum(leaf.nbytes for leaf in leaves.values())
        free = shutil.disk_usage(folder).free
        # What the library says of a full disk is long, and cut off before the cause.
        why = 'the disk is full' if free < need else first_line(error)[:200]
        raise UserError(
            f'cannot save step {step} in {folder}: {why} ({free:,} bytes free, '
            f'about {need:,} needed); make room and run the same command again',
            DISK,
        ) from error
    return json_digest(record['leaves'])


def restore(
    folder: Path, template: Any, *, step: int | None = None, quarantine: bool = False
) -> Restored | None:
    """The newest valid checkpoint, or that of `step`; None when there has never been one.

    Args:
        folder: of the checkpoints.
        template: arrays or `jax.ShapeDtypeStruct`s: what the state must look like.
        step: exactly this one.
        quarantine: move damaged checkpoints out of the way. Only for the process that holds the
            workdir: to another, a checkpoint that is being deleted looks damaged.

    Raises:
        AllDamaged: every checkpoint is damaged, or that of `step` (65).
        UserError: `step` does not exist (66), or the leaves of a sound checkpoint are not those of
            the template, or one may not be read (65).
    """
    return _newest(folder, step, quarantine, lambda one: _read(folder, one, template))


def restore_leaves(
    folder: Path, prefix: str | tuple[str, ...], *, step: int | None = None
) -> Restored | None:
    """As `restore`, of the leaves alone whose names begin with a prefix, and without a template.

    Args:
        folder: of the checkpoints.
        prefix: one, or several, such as 'ema/'.
        step: exactly this one.

    Returns:
        The state is {name: array}. What is damaged outside of these leaves is not seen.

    Raises:
        UserError: as `restore`, but for the template.
    """

    def read(step: int) -> Restored | None:
        record = _record(folder, step)
        if record is None:
            return None
        saved = {n: kind for n, kind in record['leaves'].items() if n.startswith(prefix)}
        expected = {name: struct_of(kind) for name, kind in saved.items()}
        return _verified(folder, step, record, expected)

    return _newest(folder, step, False, read)


def newest_metadata(folder: Path) -> Mapping[str, Any] | None:
    """The metadata of the newest checkpoint in a folder, whose leaves are not looked at.

    None when there is none, or its record is damaged.
    """
    newest = max(workdir.steps(folder), default=None)
    return None if newest is None else _record(folder, newest)


def _newest(
    folder: Path, step: int | None, quarantine: bool, read: Callable[[int], Restored | None]
) -> Restored | None:
    """The newest checkpoint, or that of `step`, of which `read` gives something."""
    steps = sorted(workdir.steps(folder), reverse=True)
    if step is not None and step not in steps:
        have = ', '.join(map(str, steps)) or 'none'
        raise UserError(f'{folder} has no checkpoint of step {step}; it has {have}', MISSING)
    damaged = []
    for candidate in steps if step is None else [step]:
        found = read(candidate)
        if found is not None:
            return found._replace(damaged=damaged)
        _check_allowed(folder / str(candidate))
        damaged.append(candidate)
        if quarantine:
            _quarantine(folder, candidate)
    if damaged:
        raise AllDamaged(folder, damaged)
    return None


def _read(folder: Path, step: int, template: Any) -> Restored | None:
    """A checkpoint that matches its digests, or None."""
    record = _record(folder, step)
    if record is None:
        return None
    expected = by_name(template)
    check_leaves(folder, step, record['leaves'], expected)
    found = _verified(folder, step, record, expected)
    if found is None:
        return None
    leaves = [found.state[name] for name in expected]
    return found._replace(state=jax.tree.unflatten(jax.tree.structure(template), leaves))


def _verified(
    folder: Path, step: int, record: Mapping[str, Any], expected: Mapping[str, Any]
) -> Restored | None:
    """The expected leaves by name, {name: array}; None where one does not match its digest."""
    try:
        with manager(folder, read_only=True) as checkpoints:
            on_host = {name: np.empty(x.shape, x.dtype) for name, x in expected.items()}
            arguments = ocp.args.PyTreeRestore(on_host, partial_restore=True)
            restored = checkpoints.restore(step, args=ocp.args.Composite(state=arguments))
    except Exception:  # whatever a damaged file makes of orbax and tensorstore
        return None
    leaves = restored['state']
    if digests(leaves) != {name: record['leaves'][name] for name in expected}:
        return None
    metadata = {k: v for k, v in record.items() if k not in ('step', 'leaves', 'digest')}
    return Restored(step, leaves, metadata, json_digest(record['leaves']), [])


def _record(folder: Path, step: int) -> dict[str, Any] | None:
    try:
        with manager(folder, read_only=True) as checkpoints:
            arguments = ocp.args.Composite(record=ocp.args.JsonRestore())
            record = checkpoints.restore(step, args=arguments)['record']
        digest = record.pop('digest')
    except Exception:  # whatever a damaged file makes of orbax and the JSON reader
        return None
    return record if digest == json_digest(record) and record['step'] == step else None


def _remove_unfinished(folder: Path, step: int | str) -> None:
    for rest in folder.glob(f'{step}.orbax-checkpoint-tmp*'):
        shutil.rmtree(rest, ignore_errors=True)


def _check_allowed(checkpoint: Path) -> None:
    """Raises where the system refuses a file of a checkpoint that could not be read.

    That is no damage: who may read it, or has fewer files open, finds it sound.
    """

    def look(error: OSError) -> None:
        if error.errno in REFUSALS:
            raise UserError(
                f'{error.filename} cannot be read ({error.strerror}): have it made readable',
                DATA,
            ) from error

    for place, _, names in os.walk(checkpoint, onerror=look):
        for name in names:
            try:
                os.close(os.open(os.path.join(place, name), os.O_RDONLY | os.O_NONBLOCK))
            except OSError as error:
                look(error)


def _quarantine(folder: Path, step: int) -> None:
    target = workdir.free_name(folder.parent / QUARANTINE / str(step))
    target.parent.mkdir(exist_ok=True)
    shutil.move(folder / str(step), target)
