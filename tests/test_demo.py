"""`make demo`, whole: the promise of the README's first page, in numbers."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gan_jax.evaluate import __main__ as evaluate

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_the_demo_learns_all_ten_digits(tmp_path):
    folder = tmp_path / 'demo'
    # The ARGS of the make that runs this test are not the demo's.
    env = {k: v for k, v in os.environ.items() if k not in ('MAKEFLAGS', 'MAKEOVERRIDES', 'ARGS')}
    command = ['make', 'demo', f'DEMO={folder}']
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stderr
    _, _, last_lines = done.stdout.rpartition('\ndone: ')
    for place in ('samples', 'metrics.jsonl'):
        assert f'{folder}/{place}' in last_lines
        assert (folder / place).exists()
    rows = [json.loads(line) for line in (folder / 'metrics.jsonl').read_text().splitlines()]
    distances = [row['eval/fd_digits'] for row in rows if 'eval/fd_digits' in row]
    assert distances[-1] <= 0.08 * distances[0]
    assert distances[-1] == min(distances)
    assert evaluate.main([f'--workdir={folder}', '--metrics=modes', '--num=5000']) == 0
    (result,) = (json.loads(path.read_text()) for path in (folder / 'results').glob('*.json'))
    assert result['metrics']['modes'] == 10
    assert result['metrics']['modes_min_share'] >= 0.04
    assert np.isfinite(distances).all()
