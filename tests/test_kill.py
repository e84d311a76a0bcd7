"""The run as a process of its own, killed and stopped from outside at moments of chance."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gan_jax.runtime import checkpoint, workdir
from tests.launched import launch, stopped

ROOT = Path(__file__).parent.parent
STEPS = 600


def command(folder, steps=STEPS):
    return [
        *(sys.executable, '-m', 'gan_jax.train', '--config=tests/smoke.py'),
        *(f'--workdir={folder}', f'--config.steps={steps}', '--config.every.log=10'),
        *('--config.every.checkpoint=50', '--config.every.evaluate=300'),
        '--config.every.sample=300',
    ]


def start(folder, steps=STEPS):
    return subprocess.Popen(
        command(folder, steps),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def rows(folder):
    lines = (folder / 'metrics.jsonl').read_text().splitlines()
    table = [json.loads(line) for line in lines]
    return [{k: v for k, v in row.items() if not k.startswith('time/')} for row in table]


def last_step(folder):
    try:
        return rows(folder)[-1]['step']
    except (FileNotFoundError, IndexError, ValueError):
        return -1


@pytest.fixture(scope='module')
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp('uninterrupted')
    process = start(folder)
    assert process.wait(timeout=300) == 0, process.stderr.read()
    process.stderr.close()
    return folder


def interrupt_at_random_moments(folder, number, times, seed):
    """Statuses of the runs that were sent the signal; the last run ends by itself."""
    draw = random.Random(seed)
    statuses = []
    for _ in range(times):
        begun = last_step(folder)
        target = draw.randint(1, STEPS // (times + 1))
        process = start(folder)
        while process.poll() is None and last_step(folder) < begun + target:
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.1))
        process.send_signal(number)
        statuses.append(process.wait(timeout=60))
        process.stderr.close()
    process = start(folder)
    assert process.wait(timeout=300) == 0, process.stderr.read()
    process.stderr.close()
    return statuses


def assert_same(folder, reference):
    assert rows(folder) == rows(reference)
    mine, theirs = (checkpoint._record(f / 'checkpoints', STEPS) for f in (folder, reference))
    assert mine['leaves'] == theirs['leaves']


@pytest.mark.slow
def test_kill_9_at_three_random_moments(uninterrupted, tmp_path):
    statuses = interrupt_at_random_moments(tmp_path, signal.SIGKILL, 3, seed=0)
    assert statuses == [-signal.SIGKILL] * 3
    assert_same(tmp_path, uninterrupted)


@pytest.mark.slow
def test_sigterm_at_two_random_moments_loses_no_step(uninterrupted, tmp_path):
    statuses = interrupt_at_random_moments(tmp_path, signal.SIGTERM, 2, seed=1)
    assert statuses == [143, 143]
    assert_same(tmp_path, uninterrupted)


@pytest.mark.slow
def test_signals_at_many_moments_lose_nothing(uninterrupted, tmp_path):
    """In the imports, while it is put together and traced, in the first compilation, in steps."""
    numbers = [signal.SIGINT, signal.SIGTERM] * 6
    delays = [0.02, 0.5, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12]
    for number, delay in zip(numbers, delays, strict=True):
        status, _, err = stopped(launch(*command(tmp_path)[1:]), number, delay)
        assert 'Traceback' not in err, (delay, err)
        told = workdir.read_status(tmp_path) or {'status': 'none'}
        if told['status'] == 'done':
            assert status == 0
        else:
            assert (status, told['status'] in ('none', 'stopped')) == (128 + number, True), delay
    last = start(tmp_path)
    assert last.wait(timeout=300) == 0, last.stderr.read()
    last.stderr.close()
    assert_same(tmp_path, uninterrupted)


@pytest.mark.slow
def test_a_second_process_is_turned_away_at_once(tmp_path):
    first = start(tmp_path, steps=1_000_000)  # still at it when the second one comes
    while last_step(tmp_path) < 0 and first.poll() is None:
        time.sleep(0.05)
    second = start(tmp_path)
    assert second.wait(timeout=60) == 75
    said = second.stderr.read()
    assert f'in use by process {first.pid}' in said and 'Traceback' not in said
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=60) == 143
    first.stderr.close()
    second.stderr.close()
