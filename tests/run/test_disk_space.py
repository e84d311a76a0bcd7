"""Free space is looked at before the first step."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from gan_jax import train
from gan_jax.run import disk_space
from gan_jax.runtime.errors import DISK, UserError
from gan_jax.state import TrainState

# A state of 1,000 bytes and images of 48: 64 of them are in a picture.
RUN = SimpleNamespace(
    program=SimpleNamespace(shapes={'w': np.zeros(250, np.float32)}),
    settings={'averages': {}},
    dataset=SimpleNamespace(images=np.zeros((5, 4, 4, 3), np.uint8)),
)
NEED = 1000 + 64 * 48 + 65536


def disk(monkeypatch, free, total=10**9):
    usage = SimpleNamespace(total=total, used=0, free=free)
    monkeypatch.setattr(shutil, 'disk_usage', lambda place: usage)


def test_what_is_needed():
    assert disk_space.bytes_needed(RUN) == NEED


def test_a_snapshot_needs_its_averages_once_more():
    w = np.zeros(250, np.float32)
    state = TrainState(None, None, None, w, None, None, {'short': w, 'long': w, 'd': w})
    run = SimpleNamespace(**{**vars(RUN), 'program': SimpleNamespace(shapes=state)})
    assert disk_space.bytes_needed(run) == NEED + 3000
    run.settings = {'averages': {name: {'std': 0.1} for name in ('short', 'long', 'd')}}
    assert disk_space.bytes_needed(run) == NEED + 5000


@pytest.mark.parametrize('runs', [1, 3])
def test_a_byte_too_few_is_refused_with_both_numbers(runs, monkeypatch, tmp_path):
    disk(monkeypatch, runs * NEED)
    disk_space.check_disk_space(tmp_path, [RUN] * runs)
    disk(monkeypatch, runs * NEED - 1)
    with pytest.raises(UserError) as caught:
        disk_space.check_disk_space(tmp_path, [RUN] * runs)
    assert caught.value.status == DISK
    said = f'{tmp_path} has {runs * NEED - 1:,} bytes free, .* take about {runs * NEED:,}: make'
    assert caught.match(said)


def test_a_file_system_that_tells_nothing_is_believed(monkeypatch, tmp_path):
    disk(monkeypatch, 0, total=0)
    disk_space.check_disk_space(tmp_path, [RUN])


def test_training_is_refused_before_it_writes_and_a_run_is_set_aside(monkeypatch, tmp_path):
    for name in ('config.json', 'status.json'):
        (tmp_path / name).write_text('{}')
    disk(monkeypatch, 1000)
    with pytest.raises(UserError, match='1,000 bytes free') as caught:
        train.main(['--config=tests/sweeps/tiny.py', f'--workdir={tmp_path}', '--restart'])
    assert caught.value.status == DISK
    assert {path.name for path in tmp_path.iterdir()} == {'.lock', 'config.json', 'status.json'}
