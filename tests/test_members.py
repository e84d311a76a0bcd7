"""python -m gan_jax.sweep --members=N: runs trained as one population end as runs of their own.

To rounding, since XLA compiles the two programs apart. To the bit, a member ends as it does in the
same place of another population of the same program, stopped or not.
"""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_jax import sweep, train
from gan_jax.run import disk_space, observe, resume, snapshots
from gan_jax.runtime import checkpoint, workdir
from gan_jax.runtime.errors import BUSY, DISK, DIVERGED, UserError
from gan_jax.sweeps import shared
from gan_jax.sweeps.shared import _devices
from tests.run.test_snapshots import CONFIG
from tests.sweeps.made import write

ROOT = Path(__file__).parent.parent
EVERY = {'every.checkpoint': [3]}  # at 3, 6, 9 and 12, of which three are kept
GRID = {'method': ['bcr'], 'strength': [0.1, 0.2], **EVERY}
FIRST, SECOND = (f'method=bcr,strength={s}/seed=0' for s in (0.1, 0.2))
LAST = 12


def run(path, folder, members=2):
    return sweep.main([f'--sweep={path}', f'--workdir={folder}', f'--members={members}'])


def rows(folder):
    """metrics.jsonl without the wall times."""
    lines = (folder / 'metrics.jsonl').read_text().splitlines()
    return [{k: v for k, v in json.loads(x).items() if k[:5] != 'time/'} for x in lines]


def left_behind(folder):
    """Tables, and of every run its rows, its pictures and the bits of its last checkpoint."""
    found = {name: (folder / name).read_text() for name in ('table.csv', 'table.md')}
    for path in folder.glob('*/seed=*'):
        record = checkpoint._record(path / 'checkpoints', LAST)
        pictures = {p.name: p.read_bytes() for p in path.glob('samples/*.png')}
        found[str(path.relative_to(folder))] = rows(path), record['leaves'], pictures
    return found


def cells(folder):
    """The table: a dict for every run, with numbers where there are some."""

    def read(text):
        try:
            return float(text)
        except ValueError:
            return text

    with open(folder / 'table.csv', newline='') as file:
        return [{name: read(text) for name, text in row.items()} for row in csv.DictReader(file)]


def assert_near(folder, other):
    """Two sweeps left behind the same, to some roundings of float32 in each of 12 steps."""

    def near(row):
        return {
            name: value if isinstance(value, str) else pytest.approx(value, rel=1e-4, abs=1e-5)
            for name, value in row.items()
        }

    assert cells(folder) == [near(row) for row in cells(other)]
    for mine, theirs in ((folder / name, other / name) for name in (FIRST, SECOND)):
        assert rows(mine) == [near(row) for row in rows(theirs)]
        state, own = (checkpoint.restore_leaves(x / 'checkpoints', '') for x in (mine, theirs))
        assert state.state.keys() == own.state.keys()
        for name, leaf in own.state.items():
            np.testing.assert_allclose(state.state[name], leaf, 1e-5, 1e-5, err_msg=name)
        names = sorted(path.name for path in theirs.glob('samples/*.png'))
        assert sorted(path.name for path in mine.glob('samples/*.png')) == names
        for name in names:
            a, b = (np.asarray(Image.open(x / 'samples' / name), int) for x in (mine, theirs))
            assert np.max(np.abs(a - b)) <= 1


def status(folder):
    told = json.loads((folder / 'status.json').read_text())
    return told['status'], told['step']


def saved(folder):
    return {int(path.name) for path in (folder / 'checkpoints').iterdir()}


def reached(folder):
    try:
        return rows(folder)[-1]['step']
    except (FileNotFoundError, IndexError, ValueError):
        return -1


@pytest.fixture(scope='module')
def asked(tmp_path_factory):
    return write(tmp_path_factory.mktemp('asked'), grid=GRID, seeds=1)


@pytest.fixture(scope='module')
def alone(asked, tmp_path_factory):
    """The folder of a sweep whose runs were trained in turn; tests only read it."""
    folder = tmp_path_factory.mktemp('alone') / 'new'
    assert run(asked, folder, members=1) == 0
    return folder


@pytest.fixture(scope='module')
def together(asked, tmp_path_factory):
    """The folder of a sweep whose runs were trained as one population; tests only read it."""
    folder = tmp_path_factory.mktemp('together') / 'new'
    with pytest.MonkeyPatch.context() as patch:
        forbid_single_runs(patch)
        assert run(asked, folder) == 0
    return folder


@pytest.fixture(scope='module')
def expected(together):
    return left_behind(together)


@pytest.fixture(scope='module', autouse=True)
def compiled_once():
    """One set of programs for the sweeps of this file, whose networks are all the same."""
    patch = pytest.MonkeyPatch()
    made, prepared = shared.population_factory(), shared.shared_setups()
    patch.setattr(shared, 'population_factory', lambda: made)
    patch.setattr(shared, 'shared_setups', lambda *_: prepared)
    yield
    patch.undo()


def interrupted(monkeypatch, at, act):
    """Lets `act()` come when a population is about to take step `at`, counted from 0."""
    real, taken = shared.population_factory(), []

    def populated(setup):
        population = real(setup)

        def update(state, step):
            taken.append(step)
            if step == at:
                act()
            return population.update(state, step)

        return population._replace(update=update)

    monkeypatch.setattr(shared, 'population_factory', lambda: populated)
    return taken


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def forbid_single_runs(monkeypatch):
    def refuse(setup, folder):
        raise AssertionError(f'{folder} was trained alone')

    monkeypatch.setattr(train, 'train', refuse)


# The same as runs of their own --------------------------------------------------------------------


@pytest.mark.slow
def test_members_leave_behind_what_runs_of_their_own_do(together, alone):
    assert_near(together, alone)
    assert status(together / FIRST) == ('done', LAST)


@pytest.mark.slow
def test_members_keep_snapshots_as_a_run_does(tmp_path):
    (tmp_path / 'config.py').write_text(CONFIG)
    grid = {'optim.d.learning_rate': [0.01, 0.02], 'evaluate.metrics': ['fd_digits']}
    path = write(tmp_path, config=str(tmp_path / 'config.py'), grid=grid)
    assert run(path, tmp_path / 'members') == 0
    for seed in (tmp_path / 'members').glob('*/seed=0'):
        places = [seed / name for name in (snapshots.FOLDER, 'checkpoints')]
        assert workdir.steps(places[0]) == {4, 8, 12}
        mine, whole = (checkpoint._record(place, 12)['leaves'] for place in places)
        assert len(mine) > 1 and mine.items() <= whole.items()


@pytest.mark.slow
def test_what_is_left_over_is_trained_alone(tmp_path, together):
    grid = {**GRID, 'strength': [0.1, 0.2, 0.3]}
    assert run(write(tmp_path, grid=grid), tmp_path / 'sweep') == 0
    for name in (FIRST, SECOND):
        assert rows(tmp_path / 'sweep' / name) == rows(together / name)
    assert status(tmp_path / 'sweep' / 'method=bcr,strength=0.3' / 'seed=0') == ('done', LAST)


@pytest.mark.parametrize(
    ('members', 'allowed', 'devices'), [(4, -1, 4), (6, -1, 3), (5, -1, 1), (4, 1, 1), (2, 3, 2)]
)
def test_members_lie_on_as_many_devices_as_divide_them(members, allowed, devices):
    assert len(_devices(members, allowed)) == devices


@pytest.mark.slow
def test_members_on_devices_of_their_own(tmp_path, alone, monkeypatch):
    """Members evaluated from wherever they lie; the probes read the discriminator there."""
    forbid_single_runs(monkeypatch)
    grid = GRID | {'mesh.data': [2], 'evaluate.metrics': ['fd_digits,modes,linear_probe']}
    path = write(tmp_path, grid=grid)
    assert run(path, tmp_path / 'sweep') == 0
    for mine, theirs in zip(
        sorted((tmp_path / 'sweep').glob('*/seed=0')),
        sorted(alone.glob('*/seed=0')),
        strict=True,
    ):
        for row, own in zip(rows(mine), rows(theirs), strict=True):
            assert {k: row[k] for k in own} == pytest.approx(own, rel=1e-3)


# Stopped and started again ------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize('members', [1, 2])
def test_a_signal_saves_all_and_any_number_of_members_goes_on(
    members, asked, alone, expected, tmp_path, monkeypatch
):
    """Two as one population to the same bits; alone in another program."""
    with monkeypatch.context() as patch:
        interrupted(patch, 4, terminate)
        assert run(asked, tmp_path) == 143
    for name in (FIRST, SECOND):
        assert status(tmp_path / name) == ('stopped', 5)
        assert saved(tmp_path / name) == {3, 5}
    taken = interrupted(monkeypatch, None, None)
    assert run(asked, tmp_path, members) == 0
    if members == 2:
        assert left_behind(tmp_path) == expected
    assert_near(tmp_path, alone)
    assert taken == (list(range(5, LAST)) if members == 2 else [])


@pytest.mark.slow
def test_a_signal_between_two_members_leaves_the_second_to_be_looked_at(
    asked, expected, tmp_path, monkeypatch
):
    setup_of = shared.shared_setups()

    def interrupting(settings):
        setup, evaluator = setup_of(settings)

        def generate(state, seed, indices):
            if len(indices) == 100 and reached(tmp_path / FIRST) == 6:
                terminate()  # the first member has been evaluated, the second has not
            return setup.generate(state, seed, indices)

        return setup._replace(generate=generate), evaluator

    with monkeypatch.context() as patch:
        patch.setattr(shared, 'shared_setups', lambda progress: interrupting)
        assert run(asked, tmp_path) == 143
    seen = [
        checkpoint._record(tmp_path / name / 'checkpoints', 6)['seen'] for name in (FIRST, SECOND)
    ]
    assert seen == [True, False]
    assert reached(tmp_path / SECOND) == 4
    assert run(asked, tmp_path) == 0
    assert left_behind(tmp_path) == expected


@pytest.mark.slow
def test_a_signal_after_all_have_said_their_last_word_leaves_the_sweep_done(tmp_path, monkeypatch):
    conclude, said = train.run.Run.conclude, []

    def interrupting(self):
        conclude(self)
        said.append(self.status)
        if len(said) == 2:
            terminate()

    monkeypatch.setattr(train.run.Run, 'conclude', interrupting)
    path = write(tmp_path, grid={**GRID, 'steps': [1]})
    assert run(path, tmp_path / 'sweep') == 0
    assert [status(p) for p in (tmp_path / 'sweep').glob('*/*')] == [('done', 1)] * 2


def copied(done, folder):
    """A finished sweep whose process was killed before it could say so."""
    shutil.copytree(done, folder)
    for name in (FIRST, SECOND):
        workdir.write_status(folder / name, 'running', 0)
    return folder


def damage(folder, step):
    (folder / 'checkpoints' / str(step) / 'state' / 'manifest.ocdbt').unlink()


@pytest.mark.slow
def test_members_go_on_from_the_newest_step_that_all_have(
    asked, together, expected, tmp_path, monkeypatch
):
    folder = copied(together, tmp_path / 'sweep')
    shutil.rmtree(folder / SECOND / 'checkpoints' / '12')
    taken = interrupted(monkeypatch, None, None)
    forbid_single_runs(monkeypatch)
    assert run(asked, folder) == 0
    assert taken == [9, 10, 11]
    assert left_behind(folder) == expected


def test_a_damaged_common_step_is_put_aside_and_the_one_before_it_used(
    asked, together, expected, tmp_path, monkeypatch, capsys
):
    folder = copied(together, tmp_path / 'sweep')
    shutil.rmtree(folder / SECOND / 'checkpoints' / '12')
    damage(folder / SECOND, 9)
    taken = interrupted(monkeypatch, None, None)
    assert run(asked, folder) == 0
    assert taken == list(range(6, 12))
    assert 'step 9 is damaged' in capsys.readouterr().err
    assert (folder / SECOND / 'quarantine' / '9').is_dir()
    assert left_behind(folder) == expected


@pytest.mark.slow
def test_members_without_a_common_step_are_trained_alone(asked, alone, tmp_path, monkeypatch):
    folder = copied(alone, tmp_path / 'sweep')
    for step in (6, 9):
        shutil.rmtree(folder / FIRST / 'checkpoints' / str(step))
    damage(folder / SECOND, 12)  # their only common step, as it seems
    taken = interrupted(monkeypatch, None, None)
    assert run(asked, folder) == 0
    assert taken == []
    assert saved(folder / FIRST) == {12}
    assert left_behind(folder) == left_behind(alone)


# Members in trouble -------------------------------------------------------------------------------


def test_a_member_that_diverges_does_not_stop_the_others(tmp_path, together, monkeypatch):
    grid = {'method': ['bcr'], 'strength': [0.1], 'optim.d.learning_rate': [0.01, 1e38], **EVERY}
    folder = tmp_path / 'sweep'
    forbid_single_runs(monkeypatch)
    with pytest.raises(UserError, match='1 of 2 runs failed\nmethod=bcr.*1e.38') as caught:
        run(write(tmp_path, grid=grid), folder)
    assert caught.value.status == DIVERGED
    bad, good = sorted(folder.glob('*/seed=0'), key=lambda p: '0.01' in p.parent.name)
    told = json.loads((bad / 'status.json').read_text())
    assert (told['status'], told['exit']) == ('failed', DIVERGED)
    assert saved(bad) == set() and [row['step'] for row in rows(bad)] == [0]
    assert rows(good) == rows(together / FIRST)
    assert status(good) == ('done', LAST)


@pytest.mark.slow
def test_nothing_more_is_written_of_a_member_that_has_failed(
    asked, together, tmp_path, monkeypatch
):
    """Here with a state that could be saved: only a number that was to be logged is infinite."""
    real, failed = observe.means, []

    def means(metrics, step):
        if step == 4 and not failed:
            failed.append(FIRST)
            raise UserError('a loss is inf', DIVERGED)
        return real(metrics, step)

    monkeypatch.setattr(observe, 'means', means)
    with pytest.raises(UserError, match='1 of 2 runs failed\n.*a loss is inf'):
        run(asked, tmp_path)
    assert status(tmp_path / FIRST) == ('failed', 4) and saved(tmp_path / FIRST) == {3}
    assert reached(tmp_path / FIRST) == 0
    assert rows(tmp_path / SECOND) == rows(together / SECOND)


def test_when_all_have_diverged_nothing_goes_on(tmp_path, monkeypatch):
    grid = {'method': ['bcr'], 'optim.d.learning_rate': [1e38, 2e38], **EVERY}
    taken = interrupted(monkeypatch, None, None)
    with pytest.raises(UserError, match='2 of 2 runs failed'):
        run(write(tmp_path, grid=grid), tmp_path / 'sweep')
    assert taken == [0, 1, 2, 3]  # to the first look


def test_a_disk_without_room_for_all_ends_the_sweep_before_it_begins(asked, tmp_path, monkeypatch):
    seen = []

    def check(folder, runs):
        seen.append((folder, len(runs)))
        raise UserError('no room', DISK)

    monkeypatch.setattr(disk_space, 'check_disk_space', check)
    with pytest.raises(UserError, match='no room'):
        run(asked, tmp_path)
    assert seen == [(tmp_path, 2)]


def test_a_disk_that_fails_for_one_ends_the_sweep(asked, tmp_path, monkeypatch):
    real = checkpoint.save

    def failing(checkpoints, state, metadata):
        if metadata['config']['augment']['strength'] == 0.2:
            raise UserError('the disk is full', DISK)
        return real(checkpoints, state, metadata)

    monkeypatch.setattr(checkpoint, 'save', failing)
    with pytest.raises(UserError, match='the disk is full'):
        run(asked, tmp_path)
    for name in (FIRST, SECOND):  # to be tried again
        assert json.loads((tmp_path / name / 'status.json').read_text())['exit'] == DISK


def test_a_member_whose_last_state_is_bad_fails_alone(asked, together, tmp_path, monkeypatch):
    """Which is found when everything else is over."""
    real = checkpoint.save

    def failing(checkpoints, state, metadata):
        if metadata['config']['augment']['strength'] == 0.1 and state.step == LAST:
            raise UserError('a weight is nan', DIVERGED)
        return real(checkpoints, state, metadata)

    monkeypatch.setattr(checkpoint, 'save', failing)
    with pytest.raises(UserError, match='1 of 2 runs failed\n.*a weight is nan'):
        run(asked, tmp_path)
    assert status(tmp_path / FIRST) == ('failed', LAST)
    assert status(tmp_path / SECOND) == ('done', LAST)
    assert rows(tmp_path / SECOND) == rows(together / SECOND)


def test_a_member_that_another_process_holds_is_left_to_it(
    asked, alone, tmp_path, monkeypatch, capsys
):
    taken = interrupted(monkeypatch, None, None)
    with workdir.locked(tmp_path / FIRST):
        assert run(asked, tmp_path) == BUSY
    assert taken == []  # the other is no population
    assert capsys.readouterr().out.count('is in use by process') == 2
    assert rows(tmp_path / SECOND) == rows(alone / SECOND)
    assert not (tmp_path / FIRST / 'status.json').exists()


def test_a_member_of_another_data_set_is_left_out(asked, alone, tmp_path, monkeypatch):
    folder = copied(alone, tmp_path / 'sweep')
    original = resume.resume

    def refusing(setup, place, metadata, *, step=None):
        other = place == folder / FIRST
        return original(setup, place, {**metadata, 'data': ''} if other else metadata, step=step)

    monkeypatch.setattr(resume, 'resume', refusing)
    with pytest.raises(UserError, match='1 of 2 runs failed\n.*images of config.data are not'):
        run(asked, folder)
    assert status(folder / SECOND) == ('done', LAST)


@pytest.mark.parametrize('text', ['0', '-1', 'two', '1.5'])
def test_a_number_of_members_that_is_none_is_refused(text, asked, tmp_path):
    with pytest.raises(UserError) as caught:
        run(asked, tmp_path, members=text)
    assert caught.value.status == 2
    assert 'give an integer from 1 to' in str(caught.value)


# Killed from outside ------------------------------------------------------------------------------


@pytest.mark.slow
def test_kill_9_ends_with_the_tables_of_an_uninterrupted_sweep(tmp_path):
    steps = {'steps': [400], 'every.log': [10], 'every.evaluate': [400], 'every.checkpoint': [50]}
    path = write(tmp_path, grid={**GRID, **steps}, seeds=2)
    whole, broken = tmp_path / 'whole', tmp_path / 'broken'
    assert run(path, whole, members=3) == 0
    command = [sys.executable, '-m', 'gan_jax.sweep', f'--sweep={path}', f'--workdir={broken}']
    for beyond in (110, 230):
        process = subprocess.Popen([*command, '--members=3'], cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            while process.poll() is None and reached(broken / SECOND) <= beyond:
                time.sleep(0.005)
        finally:
            process.kill()
        assert process.wait(timeout=60) == -signal.SIGKILL
    assert run(path, broken, members=3) == 0
    for name in ('table.csv', 'table.md'):
        assert (broken / name).read_bytes() == (whole / name).read_bytes()
    for place in whole.glob('*/seed=*'):
        assert rows(broken / place.relative_to(whole)) == rows(place)
