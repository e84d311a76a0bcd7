"""The sweep as a process of its own, killed in the middle of a run and started again."""

import collections
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.sweeps.made import write

ROOT = Path(__file__).parent.parent
STEPS = 400
GRID = {
    'method': ['none', 'bcr'],
    'strength': [0.1, 0.2, 0.4],
    'steps': [STEPS],
    'every.log': [10],
    'every.checkpoint': [50],
    'every.evaluate': [STEPS],
}


@pytest.fixture
def start(tmp_path):
    """Starts a sweep; what a failing test leaves running is ended with it."""
    started = []

    def begin(path, folder):
        with (tmp_path / 'log').open('w') as log:
            process = subprocess.Popen(
                [sys.executable, '-m', 'gan_jax.sweep', f'--sweep={path}', f'--workdir={folder}'],
                cwd=ROOT,
                env={**os.environ, 'JAX_LOG_COMPILES': '1'},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait(timeout=60)


def compiled(log):
    """How often jax has compiled the function of each name."""
    return collections.Counter(re.findall(r'Compiling jit\((\w+)\)', log.read_text()))


def statuses(folder):
    paths = folder.glob('*/seed=*/status.json')
    return {
        str(path.parent.relative_to(folder)): json.loads(path.read_text())['status']
        for path in paths
    }


def last_step(folder):
    try:
        return json.loads((folder / 'metrics.jsonl').read_text().splitlines()[-1])['step']
    except (FileNotFoundError, IndexError, ValueError):
        return -1


def kill_in_the_middle_of_a_run(process, folder, log, *, after, beyond):
    """SIGKILL when `after` runs are done and the next is past step `beyond`; that run's folder."""
    while process.poll() is None:
        found = statuses(folder)
        enough = [*found.values()].count('done') >= after
        for name in [name for name, status in found.items() if enough and status == 'running']:
            if last_step(folder / name) > beyond:
                process.kill()
                assert process.wait(timeout=60) == -signal.SIGKILL
                return folder / name
        time.sleep(0.005)
    raise AssertionError(f'the sweep ended before it was killed: {log.read_text()[-2000:]}')


@pytest.mark.slow
def test_a_sweep_killed_twice_ends_with_the_tables_of_an_uninterrupted_one(start, tmp_path):
    path, log = write(tmp_path, grid=GRID, seeds=2), tmp_path / 'log'
    whole, broken = tmp_path / 'whole', tmp_path / 'broken'
    assert start(path, whole).wait(timeout=900) == 0, log.read_text()
    assert compiled(log)['update'] == 2  # one a method
    for after in (1, 7):
        run = kill_in_the_middle_of_a_run(start(path, broken), broken, log, after=after, beyond=110)
        # A checkpoint may be under way, and a second one waits for it: less than two intervals.
        kept = [int(p.name) for p in (run / 'checkpoints').iterdir() if p.name.isdigit()]
        assert max(kept) >= last_step(run) - 2 * 50
    done = [name for name, status in statuses(broken).items() if status == 'done']
    before = {name: (broken / name / 'metrics.jsonl').read_bytes() for name in done}
    assert len(done) >= 7
    assert start(path, broken).wait(timeout=900) == 0, log.read_text()
    assert compiled(log)['update'] == 2
    assert all((broken / name / 'metrics.jsonl').read_bytes() == b for name, b in before.items())
    for table in ('table.csv', 'table.md'):
        assert (broken / table).read_bytes() == (whole / table).read_bytes()
    rows = (whole / 'table.csv').read_text().splitlines()
    assert len(rows) == 1 + 12
    assert len({row.split(',')[-3] for row in rows}) > 6  # numbers that a wrong resume would change
