"""The workdir of a run: its lock, its status and config files, no links inside."""

import contextlib
import errno
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gan_jax.runtime import files
from gan_jax.runtime.errors import BUSY, DATA, MISSING, UNWRITABLE, UserError

LOCK = '.lock'
DEEPEST = 100  # levels of JSON
REFUSALS = (errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE)
EARLIER = 'earlier'  # folder of runs that were set aside
STEP = re.compile('0|[1-9][0-9]{0,17}')  # name of a checkpoint's folder

# Everything that a run and its evaluations write, in the order in which `set_aside` moves it.
# Checkpoints go first and the status last: if the move is interrupted, the status still tells that
# there was a run.
WRITTEN = (
    *('checkpoints', 'best', 'snapshots', 'quarantine', 'samples', 'results', 'tensorboard'),
    *('subset.json', 'metrics.jsonl', 'metrics.damaged*.jsonl', 'classes.json', 'wandb.json'),
    'report.html',
    'config.json',
    'status.json',
)


@contextlib.contextmanager
def locked(workdir: Path) -> Iterator[None]:
    """Locks the workdir for this process, and makes it if needed.

    The lock is the kernel's: it ends with the process, however the process ends.

    Raises:
        UserError: another process holds the lock (75), the workdir cannot be written (73), or it
            contains a link (65).
    """
    with contextlib.ExitStack() as until_the_end:
        try:
            workdir.mkdir(parents=True, exist_ok=True)
            until_the_end.enter_context(files.file_lock(workdir / LOCK))
        except BlockingIOError as error:
            raise UserError(
                f'--workdir={workdir} is in use by {error}: wait for it, or choose another', BUSY
            ) from error
        except OSError as error:
            raise UserError(
                f'cannot write to --workdir={workdir}: {_why_not(error)}', UNWRITABLE
            ) from error
        refuse_links(workdir)
        yield


def _why_not(error: OSError) -> str:
    """The reason for an error at a folder, and what to do."""
    path = Path(error.filename or '')
    if path.is_symlink() and not path.exists():
        return (
            f'{path} is a link to {path.readlink()}, where there is nothing: make that folder, or '
            'remove the link'
        )
    return f'{error.strerror} ({error.filename}); choose another'


def refuse_links(workdir: Path) -> None:
    """Refuses a workdir with links: a run would write or read through them.

    The workdir itself may be a link: its user has named it.

    Raises:
        UserError: the workdir contains a link, or anything but folders and plain files (65).
    """
    for entry in _entries(workdir):
        if not (entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)):
            link = entry.is_symlink()
            what = 'a link' if link else 'neither a folder nor a plain file'
            moved = ' (what it leads to can be moved into its place)' if link else ''
            raise UserError(
                f'{entry.path} is {what}, and a run has only files and folders: remove it{moved}, '
                'or choose another --workdir',
                DATA,
            )


def refuse_unreadable(checkpoint: Path) -> None:
    """Raises where the operating system refuses access to a file of an unreadable checkpoint.

    Such a checkpoint is not damaged: with permission to read it, or fewer open files, it is valid.

    Raises:
        UserError: access is refused (65).
    """

    def check(error: OSError) -> None:
        if error.errno in REFUSALS:
            raise UserError(
                f'{error.filename} cannot be read ({error.strerror}): have it made readable',
                DATA,
            ) from error

    for place, _, names in os.walk(checkpoint, onerror=check):
        for name in names:
            try:
                os.close(os.open(os.path.join(place, name), os.O_RDONLY | os.O_NONBLOCK))
            except OSError as error:
                check(error)


def is_begun(workdir: Path) -> bool:
    """True if a run has begun in a workdir and has left its lock, its status or a checkpoint."""
    marks = (workdir / name for name in (LOCK, 'status.json'))
    saved = (workdir / name for name in ('checkpoints', 'best'))
    return any(mark.exists() for mark in marks) or any(map(steps, saved))


def set_aside(workdir: Path) -> Path | None:
    """Moves the run in a workdir, which this process has locked, to a folder below EARLIER.

    Files that no run writes stay.

    Returns:
        The new folder of the run; None if there was nothing to move.
    """
    moved = [path for name in WRITTEN for path in sorted(workdir.glob(name))]
    if not moved:
        return None
    target = free_name(workdir / EARLIER / 'run')
    target.mkdir(parents=True)
    for path in moved:
        shutil.move(path, target / path.name)
    return target


def free_name(path: Path) -> Path:
    """The path, or if it exists the first of NAME-2, NAME-3, ... that does not."""
    candidate, count = path, 1
    while candidate.exists():
        count += 1
        candidate = path.with_name(f'{path.stem}-{count}{path.suffix}')
    return candidate


def write_json(path: Path, value: Any) -> None:
    """Writes JSON atomically: no reader, crash or loss of power sees half of it."""
    with files.atomic_path(path) as partial:
        partial.write_text(json.dumps(value, indent=2, sort_keys=False, allow_nan=False) + '\n')
        files.sync(partial)


def write_status(workdir: Path, status: str, step: int, **more: Any) -> None:
    """Writes status.json: 'running', 'done', 'stopped' or 'failed', the step, and the time."""
    now = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
    write_json(workdir / 'status.json', {'status': status, 'step': step, 'time': now, **more})


def steps(checkpoints: Path) -> set[int]:
    """The steps of the checkpoints in a folder, valid or damaged.

    A step has one name: '007' and digits of other scripts do not count.
    """
    return {int(path.name) for path in checkpoints.glob('*') if STEP.fullmatch(path.name)}


def read_status(workdir: Path) -> Mapping[str, Any] | None:
    """The content of status.json, as `write_status` wrote it.

    None if no run has begun. A damaged file gives the status 'unreadable' at step 0: no program
    needs to end because of it.
    """
    unreadable = {'status': 'unreadable', 'step': 0}
    try:
        status = read_json(workdir / 'status.json')
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return unreadable
    sound = isinstance(status.get('status'), str) and type(status.get('step')) is int
    return status if sound else unreadable


def read_config(workdir: Path) -> Mapping[str, Any]:
    """The config that a run saved in its workdir.

    Raises:
        UserError: config.json does not exist (66), or is damaged (65).
    """
    path = workdir / 'config.json'
    try:
        return read_json(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        run = min((one.parent for one in workdir.glob('*/status.json')), default=None)
        hint = f', such as {run}' if run else ''
        raise UserError(
            f'{path} does not exist: --workdir must be the folder of a training run{hint}', MISSING
        ) from error
    except (OSError, ValueError) as error:
        why = getattr(error, 'strerror', None) or f'it is damaged: {error}'
        raise UserError(
            f'{path} cannot be read ({why}): restore it from a copy, or, where a checkpoint is '
            "left, give the run's train command again, which writes it",
            DATA,
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a plain file.

    Raises:
        OSError: there is no plain file, or it cannot be read.
        ValueError: it holds something else, or one nested deeper than `DEEPEST`.
    """
    try:
        value = json.loads(files.read_plain(path))
    except RecursionError as error:
        raise ValueError('it is nested too deeply') from error
    if not isinstance(value, dict):
        raise ValueError('it holds no JSON object')
    if _is_deep(value):
        raise ValueError('it is nested too deeply')
    return value


def _is_deep(value: Any) -> bool:
    """True if a JSON value has more levels than `DEEPEST`, too deep for recursive functions."""
    level = [value]
    for _ in range(DEEPEST):
        blocks = [one.values() if isinstance(one, dict) else one for one in level]
        level = [x for block in blocks for x in block if isinstance(x, dict | list)]
    return bool(level)


def _entries(folder: Path) -> Iterator[os.DirEntry]:
    """Everything below a folder; links are not followed.

    A folder may vanish meanwhile: a run removes its old checkpoints.
    """
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(Path(entry.path))
