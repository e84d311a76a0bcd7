"""One run on several processes: start-up, broadcasts, a common stop, and lost processes.

JAX's own runtime connects the processes (XLA's collectives, by NCCL, ICI, or gloo on a CPU). Every
process runs the same program with the same numbers. Only process 0, the leader, reads and writes
the workdir. In a run of one process these functions do nothing.
"""

import contextlib
import json
import os
import re
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from gan_jax.runtime import output, signals, workdir
from gan_jax.runtime.errors import LOST, UserError, first_line

HEARTBEAT = 30  # seconds of silence after which a process counts as dead, and all others end
MEETING = 300  # seconds that a process waits for the others at the start
PATIENCE = 10  # seconds before it prints that it is waiting
FAREWELL = 2  # seconds that the leader of a failed run waits for the others
# Variables of `srun` and `mpirun`: the number of tasks -> the number of this task.
_TASKS = {
    'SLURM_STEP_NUM_TASKS': 'SLURM_PROCID',
    'OMPI_COMM_WORLD_SIZE': 'OMPI_COMM_WORLD_RANK',
}
_EXPLICIT = re.compile(r'(\S+:\d+),(\d+)/(\d+)')


def join(how: str) -> None:
    """Connects to the other processes of a run, before any device is used.

    Args:
        how: one of
            'HOST:PORT,I/N': this is process I of N, and process 0 listens at HOST:PORT;
            'detect': JAX detects SLURM, Cloud TPU, Open MPI or Kubernetes;
            '': like 'detect' if `srun` or `mpirun` has started several tasks, else one process.

    Raises:
        UserError: `how` is none of these, nothing is detected, or the others do not connect.
    """
    explicit = _EXPLICIT.fullmatch(how)
    options: dict[str, Any] = {
        'heartbeat_timeout_seconds': HEARTBEAT,
        'initialization_timeout': MEETING,
    }
    if explicit:
        address, process, count = explicit[1], int(explicit[2]), int(explicit[3])
        if process >= count:
            raise UserError(f'--cluster={how}: {count} processes have the numbers 0 to {count - 1}')
        if process == 0:
            _check_free(address)
        options |= {'coordinator_address': address, 'num_processes': count, 'process_id': process}
    elif how not in ('', 'detect'):
        raise UserError(f"--cluster is '{how}': give HOST:PORT,I/N for process I of N, or detect")
    elif not how and task() == (0, 1):
        return
    # Two processes could run two concurrent computations in different orders, and deadlock.
    jax.config.update('jax_cpu_enable_async_dispatch', False)
    waiting = f'waiting for the other processes of this run, {MEETING} s at most'
    impatient = threading.Timer(PATIENCE, output.note, [waiting])
    impatient.start()
    # JAX waits in C++, where no Python handler runs, and then installs its own SIGTERM handler.
    signals.end_at_once(*signals.ASKING)
    try:
        jax.distributed.initialize(**options)
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f'the processes of this run have not met ({first_line(error)}): start all within '
            f'{MEETING} s, and name process 0 by an address that all reach, '
            '--cluster=HOST:PORT,I/N',
            LOST,
        ) from error
    finally:
        impatient.cancel()
        signals.end_at_once(signal.SIGINT)


def _check_free(address: str) -> None:
    """Refuses a port in use: JAX's coordination service would crash on it."""
    with socket.socket() as mine:
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            mine.bind(('', int(address.rpartition(':')[2])))
        except (OSError, OverflowError) as error:
            why = str(error).rstrip('.')
            raise UserError(f'--cluster={address}: {why}; choose another port') from error


def task() -> tuple[int, int]:
    """(i, n): task i of the n that `srun` or `mpirun` has started; (0, 1) without either."""
    for count, index in _TASKS.items():
        if int(os.environ.get(count, 1)) > 1:
            return int(os.environ[index]), int(os.environ[count])
    return 0, 1


def exit(status: int) -> None:
    """Ends one process of several immediately, after flushing its output.

    At a normal exit JAX would wait for the other processes, which may wait for this one in the
    middle of a step. The leader ends last, since JAX aborts the others without it.
    """
    if is_leader():
        time.sleep(FAREWELL)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def is_leader() -> bool:
    """True in process 0, which writes for all."""
    return jax.process_index() == 0


def is_multiprocess() -> bool:
    """True when the run has more than one process."""
    return jax.process_count() > 1


def broadcast_json(make: Callable[[], Any]) -> Any:
    """The leader's `make()`, in every process; the other processes do not call it.

    Args:
        make: () -> JSON.

    Raises:
        UserError: in every process when `make` raises it in the leader, with the same status.
    """
    if not is_multiprocess():
        return make()
    answer, fault = None, None
    if is_leader():
        try:
            answer = {'value': make()}
        except UserError as error:
            fault = error
            answer = {'fault': str(error), 'status': error.status}
    answer = json.loads(_broadcast_bytes(json.dumps(answer).encode()))
    if fault:
        raise fault
    if 'fault' in answer:
        raise UserError(answer['fault'], answer['status'])
    return answer['value']


def broadcast(tree: Any) -> Any:
    """The leader's arrays in every process, bit for bit.

    Every process passes a tree of arrays of the same shapes and dtypes.
    """
    if not is_multiprocess():
        return tree
    return jax.tree.map(_copied, tree)


def on_host(tree: Any) -> Any:
    """Arrays gathered from all processes, as numpy, in the leader; None in the other processes.

    A collective: every process calls it with the same tree.
    """
    gathered = jax.tree.map(_gathered, tree)
    return jax.device_get(gathered) if is_leader() else None


def local_view(tree: Any) -> Any:
    """Arrays gathered from all processes, which this process can use without the others.

    A collective, as `on_host`, when arrays are sharded over processes.
    """

    def local(array: jax.Array) -> Any:
        return array.addressable_data(0) if array.is_fully_replicated else _gathered(array)

    return jax.tree.map(local, tree) if is_multiprocess() else tree


@contextlib.contextmanager
def lock_workdir(folder: Path) -> Iterator[Path]:
    """Yields the locked workdir in the leader, and a temporary folder in the other processes.

    Raises:
        UserError: in every process when `workdir.locked` raises it in the leader.
    """
    with contextlib.ExitStack() as files:
        broadcast_json(lambda: files.enter_context(workdir.locked(folder)))
        yield folder if is_leader() else Path(files.enter_context(tempfile.TemporaryDirectory()))


@contextlib.contextmanager
def stop_together() -> Iterator[Callable[[], int]]:
    """`signals.stop_on_signal`, for all processes of a run.

    With several processes, a SIGTERM that one of them receives stops all of them at the same call.
    JAX's runtime catches the signal and agrees on that call, so every process must call the
    yielded function equally often. SIGHUP is handled as SIGTERM. SIGINT ends a process at once.
    """
    if not is_multiprocess():
        with signals.stop_on_signal() as stopped_alone:
            yield stopped_alone
        return
    asked, received, handed_on = 0, 0, False

    def stopped() -> int:
        nonlocal asked, received, handed_on
        if signals.received() and not handed_on:
            handed_on = True
            os.kill(os.getpid(), signal.SIGTERM)
        if not received:
            asked += 1
            if multihost_utils.reached_preemption_sync_point(asked):
                received = 128 + signal.SIGTERM
        return received

    yield stopped


@contextlib.contextmanager
def guard_peers() -> Iterator[None]:
    """Turns the error of a lost peer into a sentence.

    Raises:
        UserError: another process of the run has ended (76).
    """
    try:
        yield
    except (jax.errors.JaxRuntimeError, ValueError) as error:  # a jitted call raises either
        if not is_multiprocess() or not _LOST.search(str(error)):
            raise
        raise UserError(
            'another process of this run has ended: see what it said, and start all processes '
            'again, which resumes from the last checkpoint',
            LOST,
        ) from error


# XLA's messages on a CPU; on an accelerator the runtime ends the process itself after `HEARTBEAT`.
_LOST = re.compile('gloo|connection|peer|heartbeat|UNAVAILABLE|coordination', re.IGNORECASE)


def _broadcast_bytes(text: bytes) -> bytes:
    size = int(multihost_utils.broadcast_one_to_all(np.int32(len(text))))
    mine = np.frombuffer(text.ljust(size)[:size], np.uint8)
    return multihost_utils.broadcast_one_to_all(mine).tobytes()


def _copied(array: Any) -> np.ndarray:
    array = np.asarray(array)
    # As bytes: JAX broadcasts by a sum in which the others give zeros, and -0.0 + 0.0 is 0.0.
    mine = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    received = multihost_utils.broadcast_one_to_all(mine)
    return np.asarray(received).view(array.dtype).reshape(array.shape)


def _gathered(array: Any) -> Any:
    if not isinstance(array, jax.Array) or array.is_fully_addressable or array.is_fully_replicated:
        return array
    return multihost_utils.process_allgather(array, tiled=True)
