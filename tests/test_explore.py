"""The command of the explorer, up to its page; tests/browser has the page."""

import importlib.util
import os

import pytest

from gan_jax import explore
from gan_jax.runtime import environment
from gan_jax.runtime.errors import DATA, MISSING, USAGE, UserError


def refused(*arguments):
    with pytest.raises(UserError) as caught:
        explore.main([*map(str, arguments)])
    return caught.value


@pytest.fixture
def with_gradio(monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: name)


@pytest.mark.parametrize('flags', [(), ('--workdir=a', '--generator=b')])
def test_one_of_a_run_and_a_generator_is_asked_for(flags):
    error = refused(*flags)
    assert str(error).startswith('give --workdir=DIR, of a run, or --generator=FOLDER')
    assert error.status == USAGE


def test_a_missing_gradio_is_named_with_the_command_that_installs_it(monkeypatch):
    found = importlib.util.find_spec
    without = lambda name: None if name == 'gradio' else found(name)  # noqa: E731
    monkeypatch.setattr(importlib.util, 'find_spec', without)
    error = refused('--workdir=a')
    assert 'needs the package gradio, which is not installed' in str(error)
    assert str(error).endswith(environment.install('explore'))


@pytest.mark.usefixtures('with_gradio')
def test_a_folder_without_a_run_is_said(tmp_path):
    said = {'workdir': 'the folder of a training run', 'generator': 'a folder that gan_jax.export'}
    (tmp_path / 'file').touch()
    for flag, what in said.items():
        for folder in (tmp_path, tmp_path / 'none', tmp_path / 'file'):
            error = refused(f'--{flag}={folder}')
            assert str(error).startswith(f'{folder}/config.json does not exist: ')
            assert what in str(error) and error.status == MISSING


@pytest.mark.usefixtures('with_gradio')
@pytest.mark.parametrize(
    ('content', 'said'),
    [
        ('{"seed": 0}', 'is not of an exported generator: give a folder that gan_jax.export has'),
        ('{"format": ', 'cannot be read ('),
        ('{"format": "torch"}', "is of the format 'torch'"),
    ],
)
def test_a_run_s_folder_and_a_damaged_one_are_no_exported_generator(content, said, tmp_path):
    (tmp_path / 'config.json').write_text(content)
    error = refused(f'--generator={tmp_path}')
    assert str(error).startswith(f'{tmp_path}/config.json {said}') and error.status == DATA


def test_uploads_lie_in_a_folder_that_goes(monkeypatch):
    monkeypatch.setenv('GRADIO_TEMP_DIR', 'mine')
    with explore._uploads():
        folder = os.environ['GRADIO_TEMP_DIR']
        assert os.stat(folder).st_mode & 0o777 == 0o700
    assert not os.path.exists(folder) and os.environ['GRADIO_TEMP_DIR'] == 'mine'
    monkeypatch.delenv('GRADIO_TEMP_DIR')
    with explore._uploads():
        pass
    assert 'GRADIO_TEMP_DIR' not in os.environ
