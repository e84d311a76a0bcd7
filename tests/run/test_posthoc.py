"""Averages that are made after training."""

import shutil

import jax
import numpy as np
import pytest

from gan_jax.profiles import exponent_of
from gan_jax.run import posthoc, snapshots
from gan_jax.run.generators import restore_generator
from gan_jax.run.trained import restore_run
from gan_jax.runtime.errors import MISSING, USAGE, UserError
from gan_jax.runtime.leaves import named_leaves
from tests.run.test_snapshots import trained

pytestmark = pytest.mark.usefixtures('quick')

SETTINGS = {'averages': {'short': {'std': 0.05}, 'long': {'std': 0.1}}}
STEPS, EVERY = 400, 25


def weights():
    """A generator's weight [2] after each step, and its BatchNorm's mean []."""
    rng = np.random.default_rng(3)
    return rng.normal(size=(STEPS, 2)).cumsum(0) / 5, rng.normal(size=STEPS).cumsum() / 5


def average(std, end):
    """The average by brute force, step by step, in float64."""
    found = {'params': {'w': np.zeros(2)}, 'stats': {'mean': np.zeros(())}}
    for step in range(1, end + 1):
        kept = (1 - 1 / step) ** (exponent_of(std) + 1)
        new = {'params': {'w': weights()[0][step - 1]}, 'stats': {'mean': weights()[1][step - 1]}}
        found = jax.tree.map(lambda old, x, k=kept: k * old + (1 - k) * x, found, new)
    return jax.tree.map(lambda x: np.asarray(x, np.float32), found)


def kept(end):
    """The averages in the snapshot of a step."""
    averages = {name: average(block['std'], end) for name, block in SETTINGS['averages'].items()}
    return {'step': np.int32(end), 'averages': averages}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A workdir with snapshots alone, one of them after the checkpoint."""
    place = tmp_path_factory.mktemp('posthoc')
    for end in range(EVERY, STEPS + 1, EVERY):
        snapshots.write(kept(end), place)
    return place


def reconstruct(folder, std, step=375, settings=SETTINGS):
    own = named_leaves({'averages': kept(step)['averages']})
    own = {n: x for n, x in own.items() if n.split('/')[1] in settings['averages']}
    return posthoc.reconstruct(folder, step, own, settings, f'std:{std}')


@pytest.mark.slow
@pytest.mark.parametrize('std', [0.07, 0.08, 0.12])
def test_it_is_the_average_of_that_std_at_that_step(folder, std, capsys):
    """By 15 snapshots of two, to 0.4 %: parameters and statistics alike."""
    found = reconstruct(folder, std)
    expected = named_leaves(average(std, 375))
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], array, atol=5e-3, err_msg=name)
    away = expected['params/w'] - average(0.05, 375)['params']['w']
    assert np.abs(away).max() > 0.05
    said = capsys.readouterr().out
    assert f'std:{std} is the sum of 30 averages, step 25 to 375; the relative error' in said


@pytest.mark.slow
def test_an_average_that_was_kept_is_found_again(folder):
    found, expected = reconstruct(folder, 0.1), named_leaves(average(0.1, 375))
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-6, err_msg=name)


@pytest.mark.slow
def test_a_damaged_snapshot_is_named_and_left_out(folder, tmp_path, capsys):
    shutil.copytree(folder / 'snapshots', tmp_path / 'snapshots')
    for path in (tmp_path / 'snapshots' / '350').rglob('*'):
        if path.is_file():
            path.write_bytes(b'')
    found = reconstruct(tmp_path, 0.08)
    said = capsys.readouterr()
    assert 'of step 350' in said.err and 'it is left out' in said.err
    assert 'the sum of 28 averages, step 25 to 375' in said.out
    expected = average(0.08, 375)['params']['w']
    np.testing.assert_allclose(found['params/w'], expected, atol=5e-2)


def test_one_average_at_one_step_makes_no_other(tmp_path):
    alone = {'averages': {'short': {'std': 0.05}}}
    with pytest.raises(UserError, match='has one average with a std, at one step') as caught:
        reconstruct(tmp_path, 0.08, settings=alone)
    assert caught.value.status == MISSING
    found = reconstruct(tmp_path, 0.05, settings=alone)
    np.testing.assert_array_equal(found['params/w'], average(0.05, 375)['params']['w'])


def test_label_vectors_are_no_sum(tmp_path):
    """The weights of a sum add up to 1 but for rounding; the data's vectors stay bit for bit."""
    table, places = np.float32([[0.1, 1 / 3]]), (25, 50)
    for end in places:
        state = kept(end)
        for one in state['averages'].values():
            one['label_vectors'] = {'table': table + (end == 25)}  # of a snapshot, read by nobody
        if end == 25:
            snapshots.write(state, tmp_path)
    own = named_leaves({'averages': state['averages']})
    found = posthoc.reconstruct(tmp_path, 50, own, SETTINGS, 'std:0.08')
    np.testing.assert_array_equal(found['label_vectors/table'], table)
    assert found.keys() == {'params/w', 'stats/mean', 'label_vectors/table'}


# Of a run -----------------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    return trained(tmp_path_factory.mktemp('run'))


@pytest.mark.slow
def test_the_generator_alone_and_the_whole_run_have_the_same(run):
    alone = restore_generator(run, 'last', ('tests',), weights='std:0.08').variables
    whole = restore_run(run, 'last', ('tests',), evaluate={'weights': 'std:0.08'})
    state = whole.checkpoint.state
    found = named_leaves(state.averages['std:0.08'])
    for name, array in named_leaves(alone).items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
    for other in ('short', 'long'):
        assert any(np.any(found[n] != x) for n, x in named_leaves(state.averages[other]).items())
    images = np.concatenate(list(whole.setup.generate(state, 0, range(3))))
    others = whole.setup.generate(state.replace(averages={'std:0.08': state.ema}), 0, range(3))
    assert np.any(images != np.concatenate(list(others)))


@pytest.mark.parametrize(
    ('weights', 'words'),
    [
        ('std:0.31', "--weights is 'std:0.31': give 'std:' and a number from 0.001 to 0.3"),
        ('std:0', "--weights is 'std:0': give 'std:' and a number"),
        ('std:', "--weights is 'std:': give 'std:' and a number"),
        ('std:wide', "--weights is 'std:wide': give 'std:' and a number"),
        ('std:nan', "--weights is 'std:nan': give 'std:' and a number"),
        ('wide', "--weights is 'wide', and this run has 'ema', 'raw', 'short', 'long' or 'slow'"),
    ],
)
def test_weights_that_are_none_are_refused(run, weights, words):
    with pytest.raises(UserError) as caught:
        restore_generator(run, 'last', ('tests',), weights=weights)
    assert str(caught.value).startswith(words) and caught.value.status == USAGE
