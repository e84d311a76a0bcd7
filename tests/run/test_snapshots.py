"""Snapshots of averages in a workdir: when they are written, and what a resumed run does."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from gan_jax import train
from gan_jax.experiment import dry_run, schedule
from gan_jax.run import snapshots
from gan_jax.runtime import checkpoint, workdir
from tests.sweeps.tiny import get_config

pytestmark = pytest.mark.usefixtures('quick')

CONFIG = """
from tests.sweeps.tiny import get_config as tiny
def get_config():
    c = tiny('method=none').unlock()
    c.averages = dict(short=dict(std=0.05), long=dict(std=0.1), slow=dict(halflife_images=50.0))
    c.evaluate.update(metrics='', full='')
    c.every.update(checkpoint=5, snapshot=4)
    return c
"""


def trained(folder, *flags):
    (folder / 'config.py').write_text(CONFIG)
    flags = [f'--config={folder}/config.py', *(f'--config.{flag}' for flag in flags)]
    assert train.main([*flags, f'--workdir={folder}/run']) == 0
    return folder / 'run'


def digests(folder):
    """The digest of every snapshot, by step."""
    place = folder / snapshots.FOLDER
    return {s: checkpoint._record(place, s)['leaves'] for s in workdir.steps(place)}


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    return trained(tmp_path_factory.mktemp('whole'))


def test_they_hold_the_averages_with_a_std_at_their_interval(whole):
    found = digests(whole)
    assert sorted(found) == [4, 8, 12]
    assert {name.split('/')[1] for name in found[4] if name != 'step'} == {'short', 'long'}
    newest = checkpoint._record(whole / 'checkpoints', 12)['leaves']
    assert found[12] == {name: newest[name] for name in found[12]}
    assert found[4] != found[8]


@pytest.mark.slow
@pytest.mark.parametrize('lost', [False, True])
def test_a_run_that_goes_on_has_the_snapshots_of_one_that_never_stopped(whole, tmp_path, lost):
    """Those after its checkpoint are of a process that was killed, and are made again."""
    folder = trained(tmp_path, 'steps=8')
    assert sorted(digests(folder)) == [4, 8]
    if lost:  # it goes on from step 5
        shutil.rmtree(folder / 'checkpoints' / '8')
    stale = folder / snapshots.FOLDER / '12'
    shutil.copytree(folder / snapshots.FOLDER / '4', stale)
    (folder / snapshots.FOLDER / '8.orbax-checkpoint-tmp-0').mkdir()  # by a kill -9
    trained(tmp_path)
    assert digests(folder) == digests(whole)
    assert {path.name for path in (folder / snapshots.FOLDER).iterdir()} == {'4', '8', '12'}


@pytest.mark.slow
def test_a_run_that_begins_again_begins_without_any(whole, tmp_path):
    shutil.copytree(whole / snapshots.FOLDER, tmp_path / 'run' / snapshots.FOLDER)
    workdir.write_status(tmp_path / 'run', 'running', 0)  # killed before a checkpoint
    folder = trained(tmp_path, 'steps=2')
    assert sorted(digests(folder)) == [2]
    moved = workdir.set_aside(folder)
    assert sorted(digests(moved)) == [2] and not (folder / snapshots.FOLDER).exists()


def test_none_is_due_without_an_average_that_has_a_std():
    settings = get_config('method=none').to_dict()
    assert not any('snapshot' in schedule.due(step, settings) for step in range(13))
    for averages, due in (({'short': {'std': 0.1}}, [4, 8, 12]), ({'d': {'std': 0.1}}, [])):
        found = {**settings, 'averages': averages}
        assert [s for s in range(13) if 'snapshot' in schedule.due(s, found)] == due


def test_a_dry_run_says_what_all_of_them_take():
    settings = get_config('method=none').to_dict()
    shapes = SimpleNamespace(averages={'short': np.zeros(1000, np.float32)})
    setup = SimpleNamespace(settings=settings, program=SimpleNamespace(shapes=shapes))
    assert [*dry_run._snapshots(setup)] == []
    settings['averages'] = {'short': {'std': 0.1}}
    assert [*dry_run._snapshots(setup)] == ['snapshots: 3 of 4,000 bytes, 12,000 in all']


def test_the_state_s_part_is_named_as_in_the_state():
    class State:
        step, averages = np.int32(3), {'short': {'w': 1}, 'd': {'w': 2}, 'slow': {'w': 3}}

    blocks = {'short': {'std': 0.1}, 'd': {'std': 0.1}, 'slow': {'halflife_images': 4.0}}
    found = snapshots.of(State, {'averages': blocks})
    assert found == {'step': 3, 'averages': {'short': {'w': 1}}}
