"""One run on several processes: how they meet, and what they must do as one.

JAX's own runtime joins them (XLA's collectives, by NCCL, ICI, or gloo on a CPU). Every process runs
the same program with the same numbers; process 0, the leader, alone reads and writes the workdir.
Without several processes everything here does nothing.
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

from gan_jax.runtime import signals, workdir
from gan_jax.runtime.errors import LOST, UserError, first_line

HEARTBEAT = 30  # seconds of silence after which a process is taken for dead, and all others end
MEETING = 300  # seconds that a process waits for the others at the start
PATIENCE = 10  # of these that it says nothing
FAREWELL = 2  # seconds that the leader of a run that has failed waits for the others
# Where `srun` and `mpirun` say how many tasks they have started, and which this one is.
_TASKS = {
    'SLURM_STEP_NUM_TASKS': 'SLURM_PROCID',
    'OMPI_COMM_WORLD_SIZE': 'OMPI_COMM_WORLD_RANK',
}
_EXPLICIT = re.compile(r'(\S+:\d+),(\d+)/(\d+)')


def join(how: str) -> None:
    """Meets the other processes of a run, before any device is used.

    Args:
        how: 'HOST:PORT,I/N': process I of N, of which number 0 is at that address; 'detect': what
            JAX finds out from SLURM, Cloud TPU, Open MPI or Kubernetes; '': that as well where
            `srun` or `mpirun` has started several tasks, and otherwise a run of one process.

    Raises:
        UserError: `how` is none of these, nothing is detected, or the others do not come.
    """
    explicit = _EXPLICIT.fullmatch(how)
    options = {'heartbeat_timeout_seconds': HEARTBEAT, 'initialization_timeout': MEETING}
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
    # Two computations at once would meet those of another process in another order.
    jax.config.update('jax_cpu_enable_async_dispatch', False)
    said = f'gan_jax: waiting for the other processes of this run, {MEETING} s at most'
    impatient = threading.Timer(PATIENCE, print, [said], {'file': sys.stderr, 'flush': True})
    impatient.start()
    # JAX waits where no signal is heard, and then has a handler for SIGTERM of its own.
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
    """JAX's own server of the meeting would crash where another one listens."""
    with socket.socket() as mine:
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            mine.bind(('', int(address.rpartition(':')[2])))
        except (OSError, OverflowError) as error:
            why = str(error).rstrip('.')
            raise UserError(f'--cluster={address}: {why}; choose another port') from error


def task() -> tuple[int, int]:
    """Number i of the n tasks that `srun` or `mpirun` has started; (0, 1) where neither has."""
    for count, index in _TASKS.items():
        if int(os.environ.get(count, 1)) > 1:
            return int(os.environ[index]), int(os.environ[count])
    return 0, 1


def exit(status: int) -> None:
    """Ends a process of several at once, with what it has said.

    At the end of Python JAX would wait for the others, which may wait for this one in the middle
    of a step. The leader goes last, since without it JAX aborts the others.
    """
    if is_leader():
        time.sleep(FAREWELL)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def is_leader() -> bool:
    """Whether this process writes for all."""
    return jax.process_index() == 0


def is_multiprocess() -> bool:
    """Whether the run has more than one process."""
    return jax.process_count() > 1


def broadcast_json(make: Callable[[], Any]) -> Any:
    """What the leader makes, in every process; the others do not make it.

    Args:
        make: () -> JSON.

    Raises:
        UserError: the leader's, with its status, in every process.
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
    answer = json.loads(_told(json.dumps(answer).encode()))
    if fault:
        raise fault
    if 'fault' in answer:
        raise UserError(answer['fault'], answer['status'])
    return answer['value']


def broadcast(tree: Any) -> Any:
    """The leader's arrays in every process, bit for bit; each gives arrays of the same form."""
    if not is_multiprocess():
        return tree
    return jax.tree.map(_copied, tree)


def on_host(tree: Any) -> Any:
    """The arrays of all processes together, whole, as numpy, in the leader; None in the others.

    A collective: every process calls it with the same tree.
    """
    whole = jax.tree.map(_whole, tree)
    return jax.device_get(whole) if is_leader() else None


def local_view(tree: Any) -> Any:
    """The arrays of all processes together, whole, where this process alone can use them.

    A collective where they lie in parts, as `on_host`.
    """

    def mine(array: jax.Array) -> Any:
        return array.addressable_data(0) if array.is_fully_replicated else _whole(array)

    return jax.tree.map(mine, tree) if is_multiprocess() else tree


@contextlib.contextmanager
def lock_workdir(folder: Path) -> Iterator[Path]:
    """Yields the workdir, which the leader holds; in the others one that nobody will see.

    Raises:
        UserError: in every process, as `workdir.locked` in the leader.
    """
    with contextlib.ExitStack() as files:
        broadcast_json(lambda: files.enter_context(workdir.locked(folder)))
        yield folder if is_leader() else Path(files.enter_context(tempfile.TemporaryDirectory()))


@contextlib.contextmanager
def stop_together() -> Iterator[Callable[[], int]]:
    """`signals.stop_on_signal`, for all processes of a run.

    With several, a SIGTERM that any of them receives stops all of them at the same call: JAX's
    runtime catches it and agrees on the call, so that every process has to ask as often as the
    others. A SIGHUP is handed on as one. SIGINT ends a process at once.
    """
    if not is_multiprocess():
        with signals.stop_on_signal() as stopped:
            yield stopped
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
    """Ends this process, with a sentence, where another one of its run is gone.

    Raises:
        UserError: that one is gone.
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


# What XLA says on a CPU; on an accelerator its runtime ends the process itself after `HEARTBEAT`.
_LOST = re.compile('gloo|connection|peer|heartbeat|UNAVAILABLE|coordination', re.IGNORECASE)


def _told(text: bytes) -> bytes:
    size = int(multihost_utils.broadcast_one_to_all(np.int32(len(text))))
    mine = np.frombuffer(text.ljust(size)[:size], np.uint8)
    return multihost_utils.broadcast_one_to_all(mine).tobytes()


def _copied(array: Any) -> np.ndarray:
    array = np.asarray(array)
    # As bytes: a sum of what all processes give, most of them zeros, would lose the sign of a zero.
    mine = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    told = multihost_utils.broadcast_one_to_all(mine)
    return np.asarray(told).view(array.dtype).reshape(array.shape)


def _whole(array: Any) -> Any:
    if not isinstance(array, jax.Array) or array.is_fully_addressable or array.is_fully_replicated:
        return array
    return multihost_utils.process_allgather(array, tiled=True)
