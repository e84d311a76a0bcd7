"""Checkpoints: orbax writes and commits them, SHA-256 digests verify them when they are read.

Orbax makes a save atomic, but does not notice a flipped bit in an array. A checkpoint therefore
carries the digest of every leaf. A damaged checkpoint is moved to `quarantine/`, and the newest
valid one before it is used.
"""

import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp

from gan_jax.runtime import workdir
from gan_jax.runtime.digest import json_digest
from gan_jax.runtime.errors import DATA, DISK, MISSING, Diverged, UserError, first_line
from gan_jax.runtime.leaves import (
    by_name,
    check_leaves,
    digests,
    form_of,
    named_leaves,
    struct_of,
    tree_of,
)

KEEP = 3
QUARANTINE = 'quarantine'  # beside the checkpoints

Check = Callable[[Mapping[str, Any]], None]  # metadata -> raises UserError to refuse it

# Orbax numbers the saves of all its managers in one place, and must not begin two at a time.
_SAVING = threading.Lock()


class AllDamaged(UserError):
    """Raised when there are checkpoints and all of them are damaged.

    Attributes:
        steps: steps of the damaged checkpoints.
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
        step: step of the checkpoint.
        state: a tree like the template, on the host.
        metadata: the metadata that was passed to `save`.
        digest: SHA-256 over the digests of all leaves, hex.
        damaged: newer steps whose checkpoints failed their digests.
    """

    step: int
    state: Any
    metadata: Mapping[str, Any]
    digest: str
    damaged: list[int]


def manager(
    folder: Path, *, keep: int | None = KEEP, read_only: bool = False
) -> ocp.CheckpointManager:
    """Orbax's manager of the checkpoints in a folder: synchronous, keeps the newest `keep` or all.

    Not collective: only the leader of a run opens a manager.
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
        # Orbax would remove them in the background, where it could meet a save in progress.
        _remove_unfinished(folder, '*')
    return ocp.CheckpointManager(folder.absolute(), options=options)


def save(checkpoints: ocp.CheckpointManager, state: Any, metadata: Mapping[str, Any]) -> str:
    """Writes a state with a `step` leaf, and returns its digest once the save is committed.

    Args:
        checkpoints: from `manager`.
        state: a tree of arrays.
        metadata: JSON that is saved and verified with the state.

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
        # Orbax's message for a full disk is long, and is cut off before the cause.
        why = 'the disk is full' if free < need else first_line(error)[:200]
        raise UserError(
            f'cannot save step {step} in {folder}: {why} ({free:,} bytes free, '
            f'about {need:,} needed); make room and run the same command again',
            DISK,
        ) from error
    return json_digest(record['leaves'])


def restore(
    folder: Path,
    template: Any,
    *,
    step: int | None = None,
    quarantine: bool = False,
    check: Check = lambda metadata: None,
) -> Restored | None:
    """The newest valid checkpoint, or the checkpoint of `step`; None when there is none at all.

    Args:
        folder: folder of the checkpoints.
        template: a tree of arrays or `jax.ShapeDtypeStruct`s, like the saved state.
        step: restore exactly this step.
        quarantine: move damaged checkpoints out of the way. Only for the process that holds the
            workdir: to another process, a checkpoint that is being deleted looks damaged.
        check: called with the metadata before the leaves are compared; its errors pass through.

    Raises:
        AllDamaged: every checkpoint is damaged, or the checkpoint of `step` is (65).
        UserError: `step` does not exist (66), the leaves of a valid checkpoint do not match the
            template, or a file may not be read (65).
    """

    def read(step: int, record: Mapping[str, Any]) -> Restored | None:
        expected = by_name(template)
        saved = {name: form_of(digest) for name, digest in record['leaves'].items()}
        check_leaves(folder, step, saved, expected)
        found = _verified(folder, step, record, expected)
        if found is None:
            return None
        return found._replace(state=tree_of(found.state, template))

    return _newest(folder, step, quarantine, check, read)


def restore_leaves(
    folder: Path,
    prefix: str | tuple[str, ...],
    *,
    step: int | None = None,
    check: Check = lambda metadata: None,
) -> Restored | None:
    """Like `restore`, for the leaves whose names begin with a prefix, and without a template.

    Args:
        folder: folder of the checkpoints.
        prefix: one, or several, such as 'ema/'.
        step: restore exactly this step.
        check: as in `restore`.

    Returns:
        The state is {name: array}. Damage of other leaves is not noticed.

    Raises:
        UserError: as `restore`, but for the template.
    """

    def read(step: int, record: Mapping[str, Any]) -> Restored | None:
        saved = record['leaves'].items()
        expected = {n: struct_of(form_of(digest)) for n, digest in saved if n.startswith(prefix)}
        return _verified(folder, step, record, expected)

    return _newest(folder, step, False, check, read)


def newest_metadata(folder: Path) -> Mapping[str, Any] | None:
    """The metadata of the newest checkpoint in a folder; its leaves are not read.

    None when there is no checkpoint, or its record is damaged.
    """
    newest = max(workdir.steps(folder), default=None)
    return None if newest is None else _record(folder, newest)


def _newest(
    folder: Path, step: int | None, quarantine: bool, check: Check, read: Callable
) -> Restored | None:
    """The newest checkpoint that `read` accepts, or the checkpoint of `step`.

    `read` takes a step and its record, and returns None where a leaf is damaged.
    """
    steps = sorted(workdir.steps(folder), reverse=True)
    if step is not None and step not in steps:
        have = ', '.join(map(str, steps)) or 'none'
        raise UserError(f'{folder} has no checkpoint of step {step}; it has {have}', MISSING)
    damaged: list[int] = []
    for candidate in steps if step is None else [step]:
        found = None
        if (record := _record(folder, candidate)) is not None:
            check(record)
            found = read(candidate, record)
        if found is not None:
            return found._replace(damaged=damaged)
        workdir.refuse_unreadable(folder / str(candidate))
        damaged.append(candidate)
        if quarantine:
            _quarantine(folder, candidate)
    if damaged:
        raise AllDamaged(folder, damaged)
    return None


def _verified(
    folder: Path, step: int, record: Mapping[str, Any], expected: Mapping[str, Any]
) -> Restored | None:
    """The expected leaves by name, {name: array}; None where one does not match its digest."""
    try:
        with manager(folder, read_only=True) as checkpoints:
            on_host = {name: np.empty(x.shape, x.dtype) for name, x in expected.items()}
            arguments = ocp.args.PyTreeRestore(on_host, partial_restore=True)
            restored = checkpoints.restore(step, args=ocp.args.Composite(state=arguments))
    except Exception:  # a damaged file can raise anything in orbax and tensorstore
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
    except Exception:  # a damaged file can raise anything in orbax and the JSON reader
        return None
    return record if digest == json_digest(record) and record['step'] == step else None


def _remove_unfinished(folder: Path, step: int | str) -> None:
    for rest in folder.glob(f'{step}.orbax-checkpoint-tmp*'):
        shutil.rmtree(rest, ignore_errors=True)


def _quarantine(folder: Path, step: int) -> None:
    target = workdir.free_name(folder.parent / QUARANTINE / str(step))
    target.parent.mkdir(exist_ok=True)
    shutil.move(folder / str(step), target)
