"""Files of others in a workdir: what a new run begins beside, and what it refuses to write over."""

from pathlib import Path

import pytest

from gan_jax import train
from gan_jax.run.place import others_in, refuse_over_others
from gan_jax.runtime import workdir
from gan_jax.runtime.errors import USAGE, UserError

TINY = f'--config={Path(__file__).parents[1] / "sweeps" / "tiny.py"}:method=none'
SETTINGS = {'steps': 4, 'terms': {}}


def make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text('somebody')
    return folder


@pytest.mark.parametrize(
    'names',
    [
        (),
        ('.nfs0001', '.git/config'),
        ('slurm-17.out', 'slurm-17.err', 'train.log', 'job.o17', 'job.e17', 'lost+found/x'),
    ],
)
def test_a_run_begins_in_a_folder_of_hidden_files_and_logs(names, tmp_path):
    for folder in (make(tmp_path, *names), tmp_path / 'none'):
        refuse_over_others(folder, SETTINGS)
        assert others_in(folder) == ''


def test_other_files_are_named(tmp_path):
    for name in ('b/cat.png', 'a.txt'):
        refuse_over_others(make(tmp_path, name), SETTINGS)
        assert others_in(tmp_path) == (
            f'{tmp_path} holds other files, such as {name.partition("/")[0]}: the run writes its '
            'own beside them'
        )


@pytest.mark.parametrize(
    'name', ['config.json', 'samples/cat.png', 'checkpoints/model.pt', 'metrics.jsonl']
)
def test_what_a_run_would_write_over_is_refused(name, tmp_path):
    with pytest.raises(UserError, match=f'holds {name.partition("/")[0]} and neither') as caught:
        refuse_over_others(make(tmp_path, name), SETTINGS)
    assert caught.value.status == USAGE


@pytest.mark.parametrize('mark', ['.lock', 'status.json', 'checkpoints/8/state', 'best/8/state'])
def test_in_a_run_nothing_is_refused(mark, tmp_path):
    refuse_over_others(make(tmp_path, mark, 'config.json', 'samples/x', 'notes.txt'), SETTINGS)
    assert others_in(tmp_path) == ''


def test_the_config_of_the_run_itself_and_empty_folders_may_be_there(tmp_path):
    workdir.write_json(tmp_path / 'config.json', SETTINGS)
    (tmp_path / 'samples').mkdir()
    refuse_over_others(tmp_path, SETTINGS)
    assert others_in(tmp_path) == ''
    with pytest.raises(UserError, match='holds config.json'):
        refuse_over_others(tmp_path, {**SETTINGS, 'steps': 5})


def test_the_command_refuses_and_writes_nothing(tmp_path):
    make(tmp_path, 'samples/cat.png')
    for further in ((), ('--dry_run',), ('--restart',)):
        with pytest.raises(UserError, match='holds samples and neither'):
            train.main([TINY, f'--workdir={tmp_path}', *further])
    assert sorted(path.name for path in tmp_path.rglob('*')) == ['cat.png', 'samples']


def test_the_command_says_what_it_writes_beside(tmp_path, monkeypatch, capsys):
    make(tmp_path, 'notes.txt')
    assert train.main([TINY, '--dry_run', f'--workdir={tmp_path}']) == 0
    assert f'warning: {tmp_path} holds other files, such as notes.txt' in capsys.readouterr().out
    monkeypatch.setattr(train.distributed, 'lock_workdir', lambda folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train.main([TINY, f'--workdir={tmp_path}', '--config.evaluate.metrics='])
    assert f'gan_jax: {tmp_path} holds other files, such as notes' in capsys.readouterr().err
