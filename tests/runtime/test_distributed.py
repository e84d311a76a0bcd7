"""Several processes are one run: the same bits, one writer, one stop."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from gan_jax.runtime import checkpoint, distributed, signals, workdir
from gan_jax.runtime.errors import BUSY, LOST, UserError
from tests.launched import outside_nohup

ROOT = Path(__file__).parents[2]


def port():
    """One that is free."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]


def start(script, *, processes, devices=1):
    """The processes of one run, each with as many devices."""
    started, address = [], f'127.0.0.1:{port()}'
    for i in range(processes):
        flags = [f'--cluster={address},{i}/{processes}'] if processes > 1 else []
        one = subprocess.Popen(
            [sys.executable, *script, *flags],
            cwd=ROOT,
            env={**os.environ, 'JAX_NUM_CPU_DEVICES': str(devices)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(one)
    return started


def ended(started, timeout=300):
    """(status, standard output, standard error) of each."""
    said = [one.communicate(timeout=timeout) for one in started]
    return [(one.returncode, *texts) for one, texts in zip(started, said, strict=True)]


def training(folder, *flags):
    return [
        *('-m', 'gan_jax.train', '--config=tests/smoke.py', f'--workdir={folder}'),
        *('--config.mesh.data=-1', '--config.steps=50', '--config.every.checkpoint=20', *flags),
    ]


def train(folder, *flags, processes=1, devices=1):
    return ended(start(training(folder, *flags), processes=processes, devices=devices))


def outcome(folder):
    """All numbers of a finished run: the digest of each leaf, and the rows but for their times."""
    assert workdir.read_status(folder)['status'] == 'done'
    lines = (folder / 'metrics.jsonl').read_text().splitlines()
    rows = [
        {k: v for k, v in json.loads(line).items() if not k.startswith('time/')} for line in lines
    ]
    return checkpoint._record(folder / 'checkpoints', 50)['leaves'], rows


@pytest.fixture(scope='module')
def alone(tmp_path_factory):
    """One process with two devices."""
    folder = tmp_path_factory.mktemp('alone')
    ((status, _, said),) = train(folder, devices=2)
    assert status == 0, said
    return folder


def spoken(out):
    """Lines of ours: gloo has one of its own."""
    return [line for line in out.splitlines() if not line.startswith('[Gloo]')]


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file()}


@pytest.mark.slow
def test_two_processes_are_one_with_two_devices(alone, tmp_path):
    (first, second) = train(tmp_path, processes=2)
    assert first[0] == second[0] == 0, (first[2], second[2])
    assert outcome(tmp_path) == outcome(alone)
    # One of them speaks and writes.
    assert 'done: 50 steps' in first[1] and spoken(second[1]) == []
    pictures = {name for name in files(tmp_path) if name.endswith('.png')}
    assert pictures == {name for name in files(alone) if name.endswith('.png')} != set()


@pytest.mark.slow
def test_a_signal_to_one_stops_both_at_one_step_and_both_go_on(alone, tmp_path):
    started = start(training(tmp_path), processes=2, devices=1)
    wait_for_rows(tmp_path, started)
    started[1].send_signal(signal.SIGTERM)
    assert [status for status, *_ in ended(started)] == [143, 143]
    stopped = workdir.read_status(tmp_path)
    assert stopped['status'] == 'stopped'
    assert stopped['step'] == max(workdir.steps(tmp_path / 'checkpoints')) < 50
    assert [status for status, *_ in train(tmp_path, processes=2)] == [0, 0]
    assert outcome(tmp_path) == outcome(alone)


@pytest.mark.slow
def test_ctrl_c_ends_a_process_of_several_at_once(tmp_path):
    started = start(training(tmp_path), processes=2, devices=1)
    wait_for_rows(tmp_path, started)
    for process in started:
        process.send_signal(signal.SIGINT)
    for status, _, said in ended(started):
        assert status == 130 and 'Traceback' not in said, said


@pytest.mark.slow
@outside_nohup
def test_a_closed_terminal_is_as_a_sigterm_to_several_processes(tmp_path):
    started = start(training(tmp_path), processes=2, devices=1)
    wait_for_rows(tmp_path, started)
    started[1].send_signal(signal.SIGHUP)
    assert [status for status, *_ in ended(started)] == [143, 143]
    assert workdir.read_status(tmp_path)['status'] == 'stopped'


@pytest.mark.slow
@pytest.mark.parametrize('dead', [0, 1])
def test_where_one_is_killed_the_other_ends_and_both_go_on(dead, alone, tmp_path):
    started = start(training(tmp_path), processes=2, devices=1)
    wait_for_rows(tmp_path, started)
    started[dead].kill()
    killed = time.monotonic()
    status, _, said = ended(started)[1 - dead]
    assert time.monotonic() - killed < 60
    # Without its leader, or on an accelerator, a process is ended by JAX, which says so itself.
    if dead == 1:
        assert status == LOST and 'another process of this run has ended' in said
        noted = workdir.read_status(tmp_path)
        assert (noted['status'], noted['exit']) == ('failed', LOST)
    else:
        assert status == -signal.SIGABRT and 'that another task died' in said
    assert 'Traceback' not in said
    assert [status for status, *_ in train(tmp_path, processes=2)] == [0, 0]
    assert outcome(tmp_path) == outcome(alone)


def wait_for_rows(folder, started):
    end = time.monotonic() + 300  # a machine may have other work
    while not (folder / 'metrics.jsonl').exists() or not (folder / 'metrics.jsonl').read_text():
        assert time.monotonic() < end and all(one.poll() is None for one in started)
        time.sleep(0.02)


@pytest.mark.slow
def test_a_fault_of_the_leader_ends_both(tmp_path):
    """The others cannot see the workdir, and are told."""
    with workdir.locked(tmp_path):
        (first, second) = train(tmp_path, processes=2)
    assert first[0] == second[0] == BUSY
    assert 'is in use by' in first[2] and 'is in use by' in second[2]


WORK = """
import sys, numpy as np
from gan_jax.runtime import distributed
from gan_jax.runtime.errors import UserError
distributed.join(sys.argv[1].removeprefix('--cluster='))
mine = distributed.is_leader()
assert distributed.broadcast_json(lambda: {'it': [mine]}) == {'it': [True]}
tree = {'zero': np.float32(-0.0), 'many': np.arange(6.).reshape(2, 3), 'none': np.zeros((0, 2))}
like = tree if mine else {name: np.full_like(x, 7) for name, x in tree.items()}
told = distributed.broadcast(like)
assert np.signbit(told['zero']) and told['zero'].shape == ()
assert all(told[name].dtype == x.dtype and (told[name] == x).all() for name, x in tree.items())
def refuse():
    raise UserError('no', 66)
try:
    distributed.broadcast_json(refuse)
except UserError as error:
    print(error, error.status)
"""


def test_all_hear_what_the_leader_says():
    found = ended(start(['-c', WORK], processes=2, devices=1))
    assert [(status, spoken(out)) for status, out, _ in found] == [(0, ['no 66'])] * 2, found


ALONE = """
import sys
from gan_jax.runtime import distributed
distributed.PATIENCE, distributed.MEETING = 0.1, 2
distributed.join(sys.argv[1].removeprefix('--cluster='))
"""


@pytest.mark.slow
def test_a_process_that_nobody_joins_says_that_it_waits():
    ((_, _, said),) = ended(start(['-c', ALONE, f'--cluster=localhost:{port()},0/2'], processes=1))
    assert 'waiting for the other processes of this run, 2 s at most' in said


# One process --------------------------------------------------------------------------------------


def test_one_process_needs_nobody(tmp_path):
    distributed.join('')
    assert distributed.is_leader() and not distributed.is_multiprocess()
    assert distributed.broadcast_json(lambda: object) is object
    tree = {'a': np.ones(2)}
    assert distributed.broadcast(tree) is tree
    with distributed.lock_workdir(tmp_path) as own:
        assert own == tmp_path


def test_a_port_that_is_taken_is_refused():
    with socket.socket() as taken:
        taken.bind(('', 0))
        taken.listen()
        with pytest.raises(UserError, match='already in use; choose another port'):
            distributed.join(f'localhost:{taken.getsockname()[1]},0/2')
    with pytest.raises(UserError, match='0-65535; choose another port'):
        distributed.join('localhost:70000,0/2')


@pytest.mark.parametrize('kind', [jax.errors.JaxRuntimeError, ValueError])
def test_what_gloo_says_of_a_lost_process_is_told_as_that(kind, monkeypatch):
    lost = kind('UNKNOWN: Gloo all-reduce failed: Read error: Connection reset by peer')
    with pytest.raises(kind), distributed.guard_peers():
        raise lost
    monkeypatch.setattr(distributed, 'is_multiprocess', lambda: True)
    with pytest.raises(UserError, match='another process of this run has ended') as caught:
        with distributed.guard_peers():
            raise lost
    assert caught.value.status == LOST
    with pytest.raises(kind, match='other shapes'), distributed.guard_peers():
        raise kind('other shapes')


@pytest.mark.parametrize(
    ('how', 'said'),
    [
        ('here', 'give HOST:PORT,I/N'),
        ('localhost:1,2', 'give HOST:PORT,I/N'),
        ('localhost:1,2/2', '2 processes have the numbers 0 to 1'),
    ],
)
def test_a_wrong_flag_is_refused(how, said):
    with pytest.raises(UserError, match=said):
        distributed.join(how)


def test_where_nothing_is_detected_it_is_said(monkeypatch):
    monkeypatch.setattr(signals, '_ending', set())  # SIGINT would end this process from now on
    with pytest.raises(UserError, match='have not met') as caught:
        distributed.join('detect')
    assert caught.value.status == LOST
