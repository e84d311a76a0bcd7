"""The folder of a run: one writer, and files that are whole or absent."""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gan_jax.errors import BUSY, MISSING, UNWRITABLE, UserError
from gan_jax.files import held, whole


@contextlib.contextmanager
def locked(workdir: Path) -> Iterator[None]:
    """Holds the workdir, made if needed, for one process.

    The lock is the kernel's: it ends with the process, however that ends.

    Raises:
        UserError: somebody holds it (75), or it cannot be written (73).
    """
    with contextlib.ExitStack() as until_the_end:
        try:
            workdir.mkdir(parents=True, exist_ok=True)
            until_the_end.enter_context(held(workdir / '.lock'))
        except BlockingIOError as error:
            raise UserError(
                f'--workdir={workdir} is in use by {error}: wait for it, or choose another', BUSY
            ) from error
        except OSError as error:
            raise UserError(
                f'cannot write to --workdir={workdir}: {error.strerror}; choose another', UNWRITABLE
            ) from error
        yield


def write_json(path: Path, value: Any) -> None:
    """Writes JSON; a reader or a crash never meets half of it."""
    with whole(path) as partial:
        partial.write_text(json.dumps(value, indent=2, sort_keys=False, allow_nan=False) + '\n')


def write_status(workdir: Path, status: str, step: int, **more: Any) -> None:
    """status.json: 'running', 'done', 'stopped' or 'failed', and the step it happened at."""
    now = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
    write_json(workdir / 'status.json', {'status': status, 'step': step, 'time': now, **more})


def steps(checkpoints: Path) -> set[int]:
    """The steps of the checkpoints in a folder, sound or not."""
    return {int(path.name) for path in checkpoints.glob('*') if path.name.isdigit()}


def read_status(workdir: Path) -> Mapping[str, Any] | None:
    """What `write_status` has written last; None where no run has begun."""
    try:
        return json.loads((workdir / 'status.json').read_text())
    except FileNotFoundError:
        return None


def read_config(workdir: Path) -> Mapping[str, Any]:
    """The config that a run saved in its workdir.

    Raises:
        UserError: there is none, or it is damaged.
    """
    path = workdir / 'config.json'
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise UserError(
            f'{path} does not exist: --workdir must be the folder of a training run', MISSING
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(f'{path} cannot be read ({error}): restore it from a copy') from error
