"""The last lines of `train` as they are made; tests/test_last_lines.py types them into a shell."""

import copy
import shlex
from pathlib import Path

import pytest

from gan_jax.experiment import config
from gan_jax.run.next_commands import next_commands
from gan_jax.runtime import environment

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope='module')
def resolved():
    return config.load_config(str(TESTS / 'smoke.py')).to_dict()


@pytest.fixture
def settings(resolved):
    return copy.deepcopy(resolved)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('GAN_JAX_DATA', raising=False)
    return tmp_path


def said(folder, settings):
    """The words of every line, as a shell splits them."""
    return [*map(shlex.split, next_commands(Path(folder), settings).splitlines())]


def test_they_are_for_a_shell_in_any_folder_and_trust_the_run_s_own_packages(here):
    """The networks are those of tests/sweeps/tiny.py, and the metric's function is NumPy's."""
    path, metric = TESTS / 'sweeps' / 'tiny.py', 'fd50_test@numpy.mean'
    settings = config.load_config(str(path), [f'--config.evaluate.metrics={metric}']).to_dict()
    pictures, report, numbers, curves, drawn, scored = said("my runs/a'b", settings)
    folder = f"{here}/my runs/a'b"
    assert pictures == ['pictures', f'{folder}/samples/']
    assert report == ['report', f'{folder}/report.html']
    assert numbers == ['numbers', f'{folder}/metrics.jsonl']
    assert curves[-3:] == ['-m', 'tensorboard.main', f'--logdir={folder}']
    flags = [f'--workdir={folder}', '--allow=numpy', '--allow=tests']
    assert drawn[-6:] == ['sample', *flags, '--num=64', f'--out={folder}/grid.png']
    assert scored[-4:] == ['evaluate', *flags]


def test_they_have_no_more_than_is_needed(here, settings):
    scored = said('run', settings)[-1]
    assert scored[-3:] == ['gan_jax', 'evaluate', f'--workdir={here}/run']
    settings['evaluate'] |= {'metrics': '', 'full': ''}
    assert 'evaluate' not in next_commands(Path('run'), settings)


@pytest.mark.parametrize(
    ('asked', 'found'),
    [
        ({'name': 'pets'}, 'data'),
        ({'name': 'pets', 'dir': 'sets'}, 'sets'),
        ({'name': 'pets', 'dir': '/sets'}, None),
        ({'name': '/photos/'}, None),
        ({'name': '/photos/', 'dir': 'moved'}, 'moved'),
        ({'autoencoder': {'fn': 'numpy.mean'}}, 'data'),
        ({}, None),
    ],
)
def test_data_below_the_current_folder_are_found_from_another(here, settings, asked, found):
    settings['data'] |= asked
    flags = [] if found is None else [f'--data_dir={here}/{found}']
    for words in said('run', settings)[-2:]:
        assert [word for word in words if word.startswith('--data_dir')] == flags


@pytest.mark.parametrize(('variable', 'found'), [('/sets', None), ('sets', 'sets')])
def test_so_are_those_below_the_variable(here, settings, monkeypatch, variable, found):
    monkeypatch.setenv('GAN_JAX_DATA', variable)
    settings['data']['name'] = 'pets'
    assert (f'--data_dir={here}/{found}' in said('run', settings)[-1]) == (found is not None)


KEPT = [
    ('kid100_test', {}, 'data'),
    ('modes,pr50_test@digits', {}, 'data'),
    ('ppl100_z', {'name': '/photos/pets'}, 'data'),
    ('ppl100_z', {'name': '/photos/other'}, None),  # which is in data, too
    ('modes,fd_digits', {}, None),
]


@pytest.mark.parametrize(('metrics', 'asked', 'found'), KEPT)
def test_weights_that_the_training_has_kept_are_found_by_the_evaluation(
    here, settings, metrics, asked, found
):
    (here / 'data' / 'other').mkdir(parents=True)
    settings['data'] |= asked
    settings['evaluate'] |= {'metrics': metrics, 'full': ''}
    *_, drawn, scored = said('run', settings)
    flags = [] if found is None else [f'--data_dir={here}/{found}']
    assert [word for word in scored if word.startswith('--data_dir')] == flags
    assert not any(word.startswith('--data_dir') for word in drawn)


def test_the_evaluation_is_told_of_a_folder_that_it_would_not_take_from_the_config(here, settings):
    settings['data']['dir'] = f'{here}'
    settings['evaluate']['metrics'] = 'kid100_test'
    assert f'--data_dir={here}' in said('run', settings)[-1]


def test_runs_that_calibrate_a_metric_are_found_from_another_folder(here, settings):
    settings['evaluate']['unaugmented'] = 'plain runs'
    *_, drawn, scored = said('run', settings)
    assert f'--unaugmented={here}/plain runs' in scored
    assert not any(word.startswith('--unaugmented') for word in drawn)
    settings['evaluate']['unaugmented'] = '/plain'
    assert not any(word.startswith('--unaugmented') for word in said('run', settings)[-1])


def test_what_is_not_installed_is_not_recommended(monkeypatch, settings):
    """As in the environment of `make demo`, which has no TensorBoard."""
    monkeypatch.setattr(environment, 'find_spec', lambda name: None)
    lines = next_commands(Path('run'), settings)
    assert 'tensorboard' not in lines and 'metrics.jsonl' in lines
