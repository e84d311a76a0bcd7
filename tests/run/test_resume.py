"""A run never starts from nothing where one has been, and no command is worse the second time."""

import json
import os
import shutil
from pathlib import Path

import pytest

from gan_jax import train
from gan_jax.experiment.earlier import ADDED
from gan_jax.run import log
from gan_jax.runtime import checkpoint, workdir
from gan_jax.runtime.errors import DATA, UserError

pytestmark = pytest.mark.usefixtures('compiled_once')

TINY = Path(__file__).parents[1] / 'sweeps' / 'tiny.py'
NARROW = 'widths=(16,8)'
FLAGS = (
    f'--config={TINY}:method=none',
    *('--config.steps=9', '--config.every.checkpoint=4', '--config.every.evaluate=3'),
)


def run(folder, *flags):
    return train.main([*FLAGS, f'--workdir={folder}', *flags])


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp('finished')
    assert run(folder) == 0
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of a run with checkpoints at 4, 8 and 9, and a best one."""
    shutil.copytree(finished, tmp_path / 'run')
    return tmp_path / 'run'


def contents(folder):
    """Every file but the lock, which says who holds it."""
    files = [p for p in folder.rglob('*') if p.is_file() and p.name != workdir.LOCK]
    return {p.relative_to(folder): p.read_bytes() for p in files}


def damage(checkpoints):
    for file in checkpoints.glob('*/state/manifest.ocdbt'):
        file.unlink()


def rows(folder):
    found = log.read_rows(folder / log.NAME)
    return [{k: v for k, v in row.items() if not k.startswith('time/')} for row in found]


@pytest.mark.slow
def test_the_same_command_after_the_loss_of_all_checkpoints_changes_nothing(folder):
    best = max(workdir.steps(folder / 'best'))
    damage(folder / 'checkpoints')
    after = []
    for _ in range(3):
        with pytest.raises(UserError, match='trained to step 9 and holds no sound') as caught:
            run(folder)
        assert caught.value.status == DATA
        said = str(caught.value)
        assert f'cp -r {folder}/best/{best} {folder}/checkpoints/' in said
        assert f'{folder}/quarantine' in said and '--restart' in said and 'another' in said
        after.append(contents(folder))
    assert after[0] == after[1] == after[2]
    assert workdir.steps(folder / 'quarantine') == {4, 8, 9}


def without(*names):
    def remove(folder):
        for name in names:
            if (folder / name).is_dir():
                shutil.rmtree(folder / name)
            else:
                (folder / name).unlink()

    return remove


def unreadable(folder):
    without('checkpoints')(folder)
    (folder / 'status.json').write_bytes(b'{"status": \xff')


def of_before_statuses_named_checkpoints(folder):
    without('checkpoints', 'best', log.NAME)(folder)
    workdir.write_status(folder, 'done', 9)


# What is left, each alone, says that there has been a run: its status, its rows, its best state.
@pytest.mark.parametrize(
    'loss',
    [
        without('checkpoints'),
        without('checkpoints', 'best'),
        without('checkpoints', log.NAME, 'best'),
        without('checkpoints', 'status.json', log.NAME),
        without('checkpoints', 'status.json', 'best'),
        unreadable,
        of_before_statuses_named_checkpoints,
    ],
)
def test_a_run_that_lost_its_checkpoints_is_not_begun_again(loss, folder):
    loss(folder)
    for _ in range(2):
        before = contents(folder)
        with pytest.raises(UserError, match='to step [1-9] and holds no sound') as caught:
            run(folder)
        assert caught.value.status == DATA
        assert contents(folder) == before


def test_the_best_checkpoint_is_offered_only_if_it_is_sound(folder):
    damage(folder / 'checkpoints')
    damage(folder / 'best')
    with pytest.raises(UserError, match='no sound checkpoint') as caught:
        run(folder)
    assert 'best/' not in str(caught.value)


def test_the_advice_to_go_on_from_the_best_works(folder, finished):
    best = max(workdir.steps(folder / 'best'))
    shutil.rmtree(folder / 'checkpoints')
    with pytest.raises(UserError) as caught:
        run(folder)
    (way,) = (line for line in str(caught.value).splitlines() if 'to go on from step' in line)
    command = way.partition(': ')[2]
    assert command.startswith('cp -r ') and os.system(command) == 0
    assert run(folder) == 0
    assert rows(folder) == rows(finished)
    assert workdir.read_status(folder)['checkpoint'] == 9
    assert best in (3, 6, 9)


def test_restart_moves_all_of_the_run_aside_and_begins_again(folder, finished, capsys):
    damage(folder / 'checkpoints')
    for name in ('results/step_9.json', 'subset.json', 'metrics.damaged-2.jsonl'):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    before = contents(folder)
    assert run(folder, '--restart', '--config.steps=3') == 0
    assert f'is now in {folder}/earlier/run' in capsys.readouterr().out
    assert contents(folder / 'earlier' / 'run') == before
    assert [row['step'] for row in rows(folder)] == [0, 3]
    assert rows(folder)[0] == rows(finished)[0]
    assert run(folder, '--restart', '--config.steps=2') == 0
    assert {p.name for p in (folder / 'earlier').iterdir()} == {'run', 'run-2'}


@pytest.mark.parametrize('done', range(6))
def test_a_restart_that_is_killed_ends_by_being_asked_for_again(done, folder, monkeypatch):
    """Between any two moves: the run is not gone on with, in parts, and none of it is lost."""
    before, move = contents(folder), shutil.move

    def counted(source, target):
        counted.calls += 1
        if counted.calls > done:
            raise KeyboardInterrupt
        move(source, target)

    counted.calls = 0
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, 'move', counted)
        run(folder, '--restart')
    if done:
        with pytest.raises(UserError, match='--restart'):
            run(folder)
    assert run(folder, '--restart', '--config.steps=1') == 0
    parts = [*(folder / 'earlier').iterdir()]
    assert {k: v for part in parts for k, v in contents(part).items()} == before


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(finished, tmp_path):
    """Nothing was saved, so that nothing is lost: it writes the same rows."""

    class Killed(BaseException):
        pass

    def die(*arguments):
        raise Killed

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(train.run.Run, 'save', die)
        run(tmp_path)
    assert workdir.read_status(tmp_path)['checkpoint'] is None
    assert max(workdir.steps(tmp_path / 'best'), default=0) in (0, 3)
    assert run(tmp_path) == 0
    assert rows(tmp_path) == rows(finished)


def test_another_config_never_writes_over_rows_or_a_best_state(folder):
    """Also where no checkpoint has been: a run that diverged early has a log."""
    shutil.rmtree(folder / 'checkpoints')
    workdir.write_status(folder, 'failed', 3, checkpoint=None)
    before = contents(folder)
    with pytest.raises(UserError, match='seed: 0 -> 1'):
        run(folder, '--config.seed=1')
    assert contents(folder) == before


def test_another_config_is_refused_though_config_json_is_gone(folder):
    (folder / 'config.json').unlink()
    before = contents(folder)
    with pytest.raises(UserError, match='seed: 0 -> 1'):
        run(folder, '--config.seed=1', '--config.steps=12')
    assert contents(folder) == before


def check_same_bits(folder, *flags):
    """Raises unless 9 steps leave the bits of 4 steps and another 5."""
    assert run(folder / 'whole', *flags) == 0
    for steps in (4, 9):
        assert run(folder / 'halves', *flags, f'--config.steps={steps}') == 0
    whole, halves = (folder / name / 'checkpoints' for name in ('whole', 'halves'))
    assert 4 in workdir.steps(halves)
    one, other = (checkpoint.restore_leaves(place, ('',)) for place in (whole, halves))
    assert one.state.keys() == other.state.keys() != set()
    assert all(one.state[name].tobytes() == other.state[name].tobytes() for name in one.state)


@pytest.mark.slow
def test_a_run_of_r3gan2_goes_on_to_the_same_bits(tmp_path):
    """Without schedules by the share of a run, which end later in a longer one."""
    file = Path(__file__).parents[2] / 'configs' / 'digits_r3gan2.py'
    flags = [f'{net}.{k}' for net in ('generator', 'discriminator') for k in ('blocks=1', NARROW)]
    flags += [f'optim.{side}.{one}' for side in 'gd' for one in ('learning_rate=0.01', 'b2=0.9')]
    flags += [f'terms.r{i}.weight=0.1' for i in (1, 2)]
    flags += ['batch_size=8', 'evaluate.metrics=', 'evaluate.full=', 'every.sample=9']
    check_same_bits(tmp_path, f'--config={file}', *[f'--config.{flag}' for flag in flags])


@pytest.mark.slow
def test_a_run_of_r3gans_kind_goes_on_to_the_same_bits(tmp_path):
    flags = ['g_reals=own', 'latent.labels=real', 'latent.fn=gan_jax.latents.uniform']
    flags += ['augment.shared=true', 'augment.critic=translation']
    flags = [f'--config.{flag}' for flag in flags]
    check_same_bits(tmp_path, *flags)
    with pytest.raises(UserError, match="g_reals: 'own' -> 'last'"):
        run(tmp_path / 'halves', *flags[1:])


def test_a_run_of_before_some_keys_goes_on_to_the_same_bits(folder, monkeypatch):
    """Its config.json and the config in its checkpoints lack them."""

    def without(settings):
        kept = {k: dict(v) if isinstance(v, dict) else v for k, v in settings.items()}
        for key in ADDED:
            block, _, name = key.rpartition('.')
            del (kept[block] if block else kept)[name]
        return kept

    restore = checkpoint.restore

    def of_an_earlier_version(*arguments, **options):
        found = restore(*arguments, **options)
        metadata = {**found.metadata, 'config': without(found.metadata['config'])}
        return found._replace(metadata=metadata)

    expected = rows(folder)
    shutil.rmtree(folder / 'checkpoints' / '9')
    workdir.write_json(folder / 'config.json', without(workdir.read_config(folder)))
    monkeypatch.setattr(checkpoint, 'restore', of_an_earlier_version)
    assert run(folder) == 0
    assert rows(folder) == expected
    assert 9 in workdir.steps(folder / 'checkpoints')


def test_another_config_json_is_refused_though_the_checkpoint_fits(folder):
    """Which of both the rows belong to nobody can say."""
    settings = workdir.read_config(folder)
    workdir.write_json(folder / 'config.json', {**settings, 'seed': 1})
    before = contents(folder)
    with pytest.raises(UserError, match='seed: 1 -> 0'):
        run(folder, '--config.steps=12')
    assert contents(folder) == before


def test_a_damaged_config_json_is_written_again_from_that_of_the_checkpoint(folder):
    kept = (folder / 'config.json').read_bytes()
    (folder / 'config.json').write_bytes(kept[:-9])
    before = contents(folder)
    with pytest.raises(UserError, match='seed: 0 -> 1'):
        run(folder, '--config.seed=1')
    assert contents(folder) == before
    assert run(folder) == 0
    assert (folder / 'config.json').read_bytes() == kept


def test_without_a_checkpoint_a_damaged_config_json_is_refused(folder):
    """Nobody knows whose rows there are."""
    shutil.rmtree(folder / 'checkpoints')
    workdir.write_status(folder, 'failed', 3, checkpoint=None)
    (folder / 'config.json').write_text('{')
    before = contents(folder)
    with pytest.raises(UserError, match='config.json cannot be read'):
        run(folder)
    assert contents(folder) == before


def test_a_run_that_got_nowhere_may_be_changed(tmp_path):
    """As one that was out of memory in its first step, and is told what to change."""

    def fail(*arguments):
        raise UserError('as it happens')

    with pytest.MonkeyPatch.context() as patch, pytest.raises(UserError):
        patch.setattr(train.run.Run, 'save', fail)
        patch.setattr(train, 'dispatch_length', fail)
        run(tmp_path)
    assert workdir.steps(tmp_path / 'best') <= {0}
    assert run(tmp_path, '--config.seed=1') == 0
    assert json.loads((tmp_path / 'config.json').read_text())['seed'] == 1
    assert checkpoint.newest_metadata(tmp_path / 'best')['config']['seed'] == 1


def test_a_newest_checkpoint_that_is_gone_is_said(folder, capsys):
    newest = max(workdir.steps(folder / 'checkpoints'))
    assert run(folder) == 0
    assert 'has lost' not in capsys.readouterr().err
    shutil.rmtree(folder / 'checkpoints' / str(newest))
    assert run(folder) == 0
    before = max(workdir.steps(folder / 'checkpoints') - {newest})
    said = f'has lost its checkpoint of step {newest}; the run goes on from step {before}'
    assert said in capsys.readouterr().err


def test_a_second_damaged_checkpoint_of_one_step_lies_beside_the_first(folder):
    first = folder / 'quarantine' / '9'
    first.mkdir(parents=True)
    (first / 'mine').write_text('mine')
    (folder / 'checkpoints' / '9' / 'state' / 'manifest.ocdbt').unlink()
    assert run(folder) == 0
    assert {p.name for p in (folder / 'quarantine').iterdir()} == {'9', '9-2'}
    assert [p.name for p in first.iterdir()] == ['mine']
    assert (folder / 'quarantine' / '9-2' / 'state').is_dir()
