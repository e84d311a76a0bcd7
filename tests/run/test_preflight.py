"""The dry run refuses what training would refuse, and writes nothing."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from gan_jax import train
from gan_jax.data import folder_of
from gan_jax.experiment import memory
from gan_jax.runtime.errors import DISK, MISSING, UNWRITABLE, USAGE, UserError
from tests.data.archives.maker import noise, png

TINY = f'--config={Path(__file__).parents[1] / "sweeps" / "tiny.py"}:method=none'


def dry(*flags):
    return train.main([TINY, '--dry_run', *map(str, flags)])


def refused(said, status, *flags):
    with pytest.raises(UserError, match=said) as caught:
        dry(*flags)
    assert caught.value.status == status


def test_a_sound_run_is_let_through_and_nothing_is_written(tmp_path, capsys):
    assert dry(f'--workdir={tmp_path}/new') == 0
    assert [*tmp_path.iterdir()] == [] and 'warning' not in capsys.readouterr().out


def test_a_workdir_among_the_images(tmp_path):
    (tmp_path / 'images').mkdir()
    for i in range(20):
        (tmp_path / 'images' / f'{i}.png').write_bytes(png(noise(i, 16, 16, 3)))
    flags = f'--config.data.name={tmp_path}/images', f'--workdir={tmp_path}/images/run'
    refused('whose images are trained on', USAGE, *flags, '--config.evaluate.metrics=')


def test_a_workdir_that_is_an_exported_generator(tmp_path):
    content = '{"format": "gan_jax generator"}'
    (tmp_path / 'config.json').write_text(content)
    said = 'is an exported generator, and a run would write over its files'
    refused(said, USAGE, f'--workdir={tmp_path}')
    for further in ((), ('--restart',)):
        with pytest.raises(UserError, match=said):
            train.main([TINY, f'--workdir={tmp_path}', *further])
    assert [file.name for file in tmp_path.iterdir()] == ['config.json']
    assert (tmp_path / 'config.json').read_text() == content


def test_a_workdir_that_cannot_be_made(tmp_path):
    (tmp_path / 'file').write_text('')
    refused('cannot be written', UNWRITABLE, f'--workdir={tmp_path}/file/run')


def test_a_disk_without_room(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, 'disk_usage', lambda folder: SimpleNamespace(total=9, free=1))
    refused('bytes free', DISK, f'--workdir={tmp_path}')


@pytest.mark.slow
def test_a_run_of_another_config_in_the_workdir(tmp_path):
    flags = f'--workdir={tmp_path}', '--config.steps=2'
    train.main([TINY, *flags])
    assert dry(*flags) == 0
    refused('holds a run of another config', USAGE, *flags, '--config.seed=1')
    refused('past config.steps 1', USAGE, flags[0], '--config.steps=1')
    assert dry(*flags, '--config.seed=1', '--restart') == 0
    # Its networks are there to begin with, and nobody else's.
    assert dry(f'--config.init.workdir={tmp_path}') == 0
    refused('would move the run', USAGE, *flags, '--restart', f'--config.init.workdir={tmp_path}')
    config = json.loads((tmp_path / 'config.json').read_text())
    assert config['steps'] == 2


def test_a_run_to_begin_with_that_is_not_there(tmp_path):
    refused('no checkpoint in', MISSING, f'--config.init.workdir={tmp_path}/none')


def test_what_another_machine_may_have_is_a_warning(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(memory, 'available', lambda: 1000)
    assert dry() == 0
    assert 'warning: the state of this run takes' in capsys.readouterr().out
    monkeypatch.setenv('GAN_JAX_DATA', str(tmp_path))
    assert dry('--config.data.name=cifar10', '--config.evaluate.metrics=') == 0
    said = capsys.readouterr().out
    assert f"warning: 'cifar10' is not prepared in {folder_of(None)}" in said
