"""launch/slurm.sbatch on a SLURM of two nodes: preemption, requeue, resumption, an array."""

import contextlib
import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gan_jax.runtime import workdir
from tests.sweeps.made import write

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.slurm


@pytest.fixture(scope='module', autouse=True)
def slurm(tmp_path_factory):
    """Started on this machine, and ended."""
    folder = tmp_path_factory.mktemp('slurm')
    try:
        done = subprocess.run([ROOT / 'tests' / 'slurm' / 'set_up.sh', folder], text=True)
        assert done.returncode == 0
        os.environ['SLURM_CONF'] = str(folder / 'slurm.conf')
        yield
    finally:
        # Before its servers: a job that they leave behind would train for ever.
        subprocess.run(['scancel', '--me'], timeout=30)
        end = time.monotonic() + 60
        while slurm_says('squeue', '--noheader') and time.monotonic() < end:
            time.sleep(0.5)
        os.environ.pop('SLURM_CONF', None)
        for pid in folder.glob('*.pid'):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid.read_text()), signal.SIGTERM)


def slurm_says(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def submit(output, *options):
    """The number of a job of this checkout, in this environment."""
    environment = f'--export=ALL,VENV={sys.prefix},JAX_NUM_CPU_DEVICES=1'
    command = ('sbatch', '--parsable', f'--output={output}', environment, *options)
    return slurm_says('env', '-C', ROOT, *command)


def facts(job):
    return dict(re.findall(r'(\w+)=(\S+)', slurm_says('scontrol', 'show', 'job', job)))


def wait(until, seconds, output):
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, output.read_text() if output.exists() else 'not started'
        time.sleep(0.2)


def steps(folder):
    path = folder / 'metrics.jsonl'
    return [json.loads(x)['step'] for x in path.read_text().splitlines()] if path.exists() else []


def ended(job):
    return facts(job)['JobState'] not in ('PENDING', 'RUNNING', 'COMPLETING')


def train(folder, output, count):
    every = [f'--config.every.{key}={n}' for key, n in (('log', 10), ('checkpoint', 50))]
    return submit(
        output,
        '--nodes=2',
        'launch/slurm.sbatch',
        *('--config=tests/smoke.py', f'--workdir={folder}', f'--config.steps={count}'),
        *('--config.mesh.data=-1', '--config.every.sample=200', '--config.every.evaluate=200'),
        *('--config.every.full=400', *every),
    )


@pytest.mark.parametrize('options', [['--nodes=2', '--ntasks-per-node=2'], ['--array=0-3']])
def test_sbatch_takes_the_script_and_its_options(options):
    script = 'launch/slurm.sbatch', '--config=configs/digits.py'
    command = ['sbatch', '--test-only', *options, *script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and 'to start at' in done.stderr, done.stderr


def test_two_nodes_train_are_preempted_come_back_and_finish(tmp_path):
    folder, output = tmp_path / 'run', tmp_path / 'out'
    job = train(folder, output, 400)
    wait(lambda: steps(folder)[-1:] > [20], 300, output)
    slurm_says('scancel', '--signal=TERM', f'{job}.0')
    wait(lambda: facts(job)['Restarts'] == '1', 120, output)
    stopped = workdir.read_status(folder)
    assert stopped['status'] == 'stopped' and 20 < stopped['step'] < 400, output.read_text()
    # SLURM lets it wait for two minutes; the test for less, though not for none: a node refuses a
    # job that it has seen ending in the same second.
    wait(lambda: facts(job)['JobState'] == 'PENDING', 60, output)
    slurm_says('scontrol', 'update', f'JobId={job}', 'StartTime=now+5')
    wait(lambda: ended(job), 400, output)
    assert facts(job)['JobState'] == 'COMPLETED', output.read_text()
    assert workdir.read_status(folder)['status'] == 'done'
    assert steps(folder) == [*range(10, 401, 10)] or steps(folder) == [*range(0, 401, 10)]
    said = output.read_text()
    assert said.count('goes back into the queue') == 1 and 'done: 400 steps' in said


def test_where_one_process_is_killed_the_job_comes_back(tmp_path):
    folder, output = tmp_path / 'run', tmp_path / 'out'
    job = train(folder, output, 100_000)
    wait(lambda: steps(folder)[-1:] > [60], 300, output)
    (second,) = [
        pid.parent
        for pid in Path('/proc').glob('[0-9]*/environ')
        if holds(pid, f'SLURM_JOB_ID={job}', 'SLURM_PROCID=1')
        and b'gan_jax.train' in (pid.parent / 'cmdline').read_bytes()
    ]
    os.kill(int(second.name), signal.SIGKILL)
    wait(lambda: facts(job)['Restarts'] == '1', 120, output)
    slurm_says('scancel', job)
    assert 'another process of this run has ended' in output.read_text()


def holds(environ, *names):
    with contextlib.suppress(OSError):
        return {name.encode() for name in names} <= set(environ.read_bytes().split(b'\0'))
    return False


def test_a_job_that_its_user_cancels_does_not_come_back(tmp_path):
    folder, output = tmp_path / 'run', tmp_path / 'out'
    job = train(folder, output, 100_000)
    wait(lambda: steps(folder)[-1:] > [20], 300, output)
    slurm_says('scancel', job)
    wait(lambda: ended(job), 120, output)
    time.sleep(3)
    assert facts(job)['JobState'] == 'CANCELLED' and facts(job)['Restarts'] == '0'


def test_an_array_of_four_runs_a_sweep(tmp_path):
    grid = {'method': ['none', 'bcr'], 'strength': [0.1, 0.2]}
    path, folder = write(tmp_path, grid=grid, seeds=1), tmp_path / 'sweep'
    output = tmp_path / 'out-%a'
    flags = (f'--sweep={path}', f'--workdir={folder}')
    job = submit(output, '--array=0-3', 'launch/slurm.sbatch', *flags)
    jobs = [f'{job}_{i}' for i in range(4)]
    for i, one in enumerate(jobs):
        wait(lambda one=one: ended(one), 400, tmp_path / f'out-{i}')
        assert facts(one)['JobState'] == 'COMPLETED', (tmp_path / f'out-{i}').read_text()
        assert '1 of 4 runs' in (tmp_path / f'out-{i}').read_text()
    with (folder / 'table.csv').open() as file:
        assert [row['status'] for row in csv.DictReader(file)] == ['done'] * 4
