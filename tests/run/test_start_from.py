"""A run that begins with networks of another."""

import json
import re

import jax
import numpy as np
import pytest

from gan_jax import export, train
from gan_jax.experiment import config, setup
from gan_jax.run.start_from import _is_wanted, start_from
from gan_jax.run.status import advised
from gan_jax.runtime import checkpoint
from gan_jax.runtime.errors import MISSING, UserError
from gan_jax.runtime.leaves import by_name

pytestmark = pytest.mark.usefixtures('quick')
BARE = ['--config.evaluate.metrics=', '--config.evaluate.full=']


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """The workdir of two steps, and its leaves."""
    folder = tmp_path_factory.mktemp('first')
    assert (
        train.main([*('--config=tests/smoke.py', f'--workdir={folder}'), *BARE, '--config.steps=2'])
        == 0
    )
    return folder, checkpoint.restore_leaves(folder / 'checkpoints', '').state


def begun(workdir, *, nets='g,d,ema', match='', **changed):
    """(first state before the other run's networks, and after them)."""
    c = config.run_config_file('tests/smoke.py').unlock()
    c.init = {'workdir': str(workdir), 'nets': nets, 'match': match}
    c.seed = 7
    for block, values in changed.items():
        c[block] = {**c[block].to_dict(), **values}
    assert config.faults(c) == []
    settings = json.loads(c.to_json())
    made = setup.build_setup(settings)
    first = made.program.init(made.experiment.hyper)
    after = start_from(settings, first)
    assert jax.tree.map(lambda x: x.sharding, after) == jax.tree.map(lambda x: x.sharding, first)
    return by_name(jax.device_get(first)), by_name(jax.device_get(after))


@pytest.mark.slow
@pytest.mark.parametrize(
    ('asked', 'prefixes'),
    [
        ({}, ('g/params', 'g/stats', 'd/params', 'd/stats', 'ema')),
        ({'nets': 'd'}, ('d/params', 'd/stats')),
        ({'nets': 'g,ema', 'match': 'params/.*kernel'}, ('g/params', 'ema/params')),
    ],
)
def test_nets_that_are_asked_for_are_those_of_the_other_run(trained, asked, prefixes):
    folder, saved = trained
    first, after = begun(folder, **asked)
    for name, array in after.items():
        taken = name.startswith(prefixes) and (not asked.get('match') or 'kernel' in name)
        expected = saved[name] if taken else first[name]
        np.testing.assert_array_equal(array, expected, err_msg=name)
    assert any(np.any(saved[n] != first[n]) for n in after if n.startswith(prefixes[0]))


@pytest.mark.parametrize('net', ['g/stats', 'd/stats', 'ema', 'averages/d', 'averages/long'])
def test_label_vectors_are_the_run_s_own(net):
    asked = {'nets': 'g,d,ema', 'match': ''}
    assert not _is_wanted(f'{net}/label_vectors/mapping/table', asked)
    assert _is_wanted(f'{net}/batch_stats/mapping/table', asked)


@pytest.mark.slow
def test_arrays_of_another_shape_begin_anew_and_are_named(trained, capsys):
    folder, saved = trained
    first, after = begun(folder, nets='g', latent={'dim': 12})
    changed = [
        name
        for name in after
        if name.startswith('g/params') and after[name].shape != saved[name].shape
    ]
    assert changed and all(np.array_equal(after[name], first[name]) for name in changed)
    said = capsys.readouterr().out
    assert f'arrays from {folder}; begun anew: ' in said and all(name in said for name in changed)


@pytest.mark.slow
def test_a_run_goes_on_with_them_and_resumes_without_the_other(trained, tmp_path):
    """The other workdir is read once, before the first step."""
    folder, saved = trained
    flags = ['--config=tests/smoke.py', f'--workdir={tmp_path}', *BARE]
    c = f'{tmp_path}/mine.py'
    with open(c, 'w') as file:
        file.write(
            'import runpy\n'
            'def get_config():\n'
            "    c = runpy.run_path('tests/smoke.py')['get_config']()\n"
            f"    c.init = dict(workdir='{folder}', nets='g,d,ema', match='')\n"
            '    c.optim.g.learning_rate = c.optim.d.learning_rate = 0.0\n'
            '    return c\n'
        )
    flags = [f'--config={c}', f'--workdir={tmp_path}/run', *BARE]
    assert train.main([*flags, '--config.steps=1']) == 0
    kept = checkpoint.restore_leaves(tmp_path / 'run' / 'checkpoints', 'd/params/').state
    for name, array in kept.items():
        np.testing.assert_array_equal(array, saved[name], err_msg=name)
    moved = folder.with_name('moved')
    folder.rename(moved)
    try:
        assert train.main([*flags, '--config.steps=2']) == 0
    finally:
        moved.rename(folder)


@pytest.mark.slow
def test_averages_that_the_other_run_has_not_begin_at_its_networks(trained):
    folder, saved = trained
    averages = {'d': {'halflife_images': 8.0}, 'long': {'halflife_images': 5e6}}
    first, after = begun(folder, averages=averages)
    for name, array in after.items():
        if name.startswith('averages/long/'):
            expected = saved[name.replace('averages/long/', 'ema/')]
        elif name.startswith('averages/d/params/'):
            expected = saved[name.replace('averages/d/params/', 'd/params/')]
        elif name.startswith('averages/d/'):
            expected = saved[name.replace('averages/d/', 'd/stats/')]
        else:
            continue
        np.testing.assert_array_equal(array, expected, err_msg=name)
    assert any(np.any(first[n] != after[n]) for n in after if n.startswith('averages/long/'))
    _, after = begun(folder, averages=averages, nets='g,d')
    assert all(np.array_equal(after[n], first[n]) for n in after if n.startswith('averages/long/'))


@pytest.mark.slow
def test_the_networks_of_a_run_that_restarts_are_refused(trained, tmp_path):
    """They would be moved away before they are read."""
    folder = trained[0]
    flags = ['--config=tests/smoke.py', f'--workdir={folder}', '--restart']
    with pytest.raises(UserError, match='config.init.workdir takes its networks: give another'):
        train.main([*flags, *BARE, f'--config.init.workdir={folder}'])
    assert (folder / 'checkpoints' / '2').exists()


@pytest.mark.slow
def test_the_advice_on_divergence_is_a_command_that_runs(trained, tmp_path):
    """From the last good checkpoint, with other numbers."""
    folder, saved = trained
    settings = json.loads((folder / 'config.json').read_text())
    said = str(advised(UserError('a is nan'), 2, settings, folder))
    flags = [word.rstrip(',;') for word in said.split() if word.startswith('--config.')]
    assert len(flags) == 3
    mine = ['--config=tests/smoke.py', f'--workdir={tmp_path}', *BARE, *flags]
    assert train.main([*mine, '--config.steps=1', '--config.optim.d.learning_rate=0']) == 0
    kept = checkpoint.restore_leaves(tmp_path / 'checkpoints', 'd/params/').state
    for name, array in kept.items():
        np.testing.assert_array_equal(array, saved[name], err_msg=name)


@pytest.mark.slow
def test_a_scheduled_rate_is_not_halved(trained):
    settings = json.loads((trained[0] / 'config.json').read_text())
    settings['optim']['g']['learning_rate'] = {'fn': 'gan_jax.schedules.linear'}
    said = str(advised(UserError('a is nan'), None, settings, trained[0]))
    assert 'no checkpoint has been saved' in said and 'init' not in said
    assert 'such as --config.optim.d.learning_rate=0.0015, by another --workdir' in said


# Faults -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UserError, match='config.init.workdir: there is no checkpoint in') as caught:
        begun(tmp_path)
    assert caught.value.status == MISSING


@pytest.mark.slow
def test_networks_of_other_shapes_alone_are_refused(trained):
    with pytest.raises(
        UserError, match='config.init takes nothing from .* are its networks others'
    ):
        begun(trained[0], nets='d', match='trunk.*kernel', discriminator={'width': 0.03125})


@pytest.mark.slow
def test_a_pattern_that_finds_nothing_is_refused(trained):
    with pytest.raises(UserError, match='no array of its nets has a name that config.init.match'):
        begun(trained[0], match='attention')


@pytest.mark.slow
@pytest.mark.parametrize(
    ('block', 'words'),
    [
        ({'workdir': 'x', 'nets': 'g,e', 'match': ''}, "config.init.nets is 'g,e': give names"),
        ({'workdir': 3, 'nets': 'g', 'match': ''}, 'config.init.workdir is 3: give a text'),
        ({'workdir': 'x', 'nets': 'g'}, 'config.init.match is missing'),
        ({'workdir': 'x', 'nets': 'g', 'match': '('}, 'config.init.match is .*regular expression'),
        ({'workdir': 'x', 'nets': 'g', 'match': '', 'step': 3}, "no use for 'init.step'"),
    ],
)
def test_faults_of_the_block(block, words):
    c = config.run_config_file('tests/smoke.py').unlock()
    c.init = block
    (found,) = config.faults(c)
    assert re.search(words, found)


@pytest.mark.slow
def test_a_run_begins_with_an_exported_generator(trained, tmp_path):
    """G's own variables are the average that was exported, and D begins anew."""
    folder, saved = trained
    assert export.main([f'--workdir={folder}', f'--out={tmp_path}/out']) == 0
    first, after = begun(tmp_path / 'out')
    for name, array in after.items():
        of_g = name.startswith(('ema/', 'g/params/', 'g/stats/'))
        part = name.removeprefix('ema/').removeprefix('g/stats/').removeprefix('g/')
        expected = saved[f'ema/{part}'] if of_g else first[name]
        np.testing.assert_array_equal(array, expected, err_msg=name)
    assert any(name.startswith('g/stats/') for name in after)


@pytest.mark.slow
def test_an_exported_generator_has_no_discriminator(trained, tmp_path):
    assert export.main([f'--workdir={trained[0]}', f'--out={tmp_path}/out']) == 0
    with pytest.raises(UserError, match='no array there has the name and shape'):
        begun(tmp_path / 'out', nets='d')
