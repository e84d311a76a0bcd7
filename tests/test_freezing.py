"""Parameters that never move: the bits, what is kept of them, what is told of the others."""

import functools
import json
import re

import jax
import numpy as np
import optax
import pytest

from gan_jax import data, train
from gan_jax.experiment import config
from gan_jax.experiment.setup import build_trainer
from gan_jax.freezing import check_pattern, moving, whole
from gan_jax.runtime import checkpoint
from gan_jax.runtime.errors import PartError, UserError
from gan_jax.runtime.leaves import by_name
from gan_jax.step import make_train_step
from gan_jax.terms import Term
from gan_jax.terms.adversarial import hinge
from tests import small

pytestmark = pytest.mark.usefixtures('quick')

TREE = {'a': {'w': 1, 'b': 2}, 'ab': {'w': 3}}
# The first layer of each network of `small`: of D with spectral norm, of G before BatchNorm.
FIRST = r'd/params/trunk/Conv_0/|g/params/(Dense|BatchNorm)_0/'


def frozen_names(side):
    return {n for n in by_name(getattr(ten_steps()[0], side).params) if is_frozen(side, n)}


def is_frozen(side, name):
    return re.search(FIRST, f'{side}/params/{name}') is not None


@functools.cache
def ten_steps():
    """(the first state, the last, the metrics of the last step), by AdamW with decay."""
    terms = {'adversarial': hinge()}
    adam = optax.adamw(1.0, weight_decay=0.5)
    gan = small.make_gan(terms, optimizers={'g': adam, 'd': adam}, freeze=FIRST)
    first = small.first_state(gan, terms)
    # Zero has two signs in floating point, which an addition of nothing may change.
    first = first.replace(d=first.d.replace(params=with_negative_zero(first.d.params)))
    step, state = small.jit(make_train_step(gan, terms)), first
    for i in range(10):
        state, metrics = step(state, small.make_batch(seed=i), small.make_hyper({'adversarial': 1}))
    return first, jax.device_get(state), metrics


def with_negative_zero(params):
    kernel = np.array(params['trunk']['Conv_0']['kernel'])
    kernel.flat[0] = -0.0
    conv = {**params['trunk']['Conv_0'], 'kernel': kernel}
    return {**params, 'trunk': {**params['trunk'], 'Conv_0': conv}}


@pytest.mark.parametrize('side', ['g', 'd'])
def test_ten_steps_with_weight_decay_leave_their_bits(side):
    first, last, _ = ten_steps()
    before, after = (by_name(getattr(state, side).params) for state in (first, last))
    assert len(frozen_names(side)) >= 2
    for name, array in before.items():
        same = np.asarray(array).tobytes() == np.asarray(after[name]).tobytes()
        assert same == is_frozen(side, name), name


@pytest.mark.parametrize('side', ['g', 'd'])
def test_the_optimiser_keeps_nothing_of_them(side):
    kept = [*by_name(getattr(ten_steps()[1], side).opt)]
    params = by_name(getattr(ten_steps()[0], side).params)
    for name in params:
        found = [one for one in kept if one.endswith(f'mu/{name}')]
        assert len(found) == (not is_frozen(side, name)), name


def test_collections_go_on():
    """The power iteration of a frozen kernel, and the statistics of a frozen BatchNorm."""
    first, last, _ = ten_steps()
    pairs = {
        'u': 'd/stats/batch_stats/trunk/SpectralNorm_0/Conv_0/kernel/u',
        'mean': 'g/stats/batch_stats/BatchNorm_0/mean',
    }
    before, after = by_name(first), by_name(last)
    for what, name in pairs.items():
        assert small.distance(before[name], after[name]) > 1e-3, what


@pytest.mark.slow
def test_norms_are_of_what_moves():
    """By plain SGD, whose update is the gradient times the rate; the rest of D moves as ever."""
    terms = {'adversarial': hinge()}
    gan, free = small.make_gan(terms, freeze=FIRST), small.make_gan(terms)
    state, hyper = small.first_state(gan, terms), small.make_hyper({'adversarial': 1}, g=0.5, d=0.5)
    after, metrics = small.compiled(gan, terms)(state, small.make_batch(), hyper)
    others_after, others = small.compiled(free, terms)(state, small.make_batch(), hyper)
    for side in 'gd':
        moves = jax.tree.map(np.subtract, getattr(after, side).params, getattr(state, side).params)
        norm = np.sqrt(sum(np.sum(x**2) for x in jax.tree.leaves(moves)))
        assert metrics[f'{side}/update_norm'] == pytest.approx(norm, rel=1e-4)
        assert metrics[f'{side}/grad_norm'] == pytest.approx(2 * norm, rel=1e-4)
    assert metrics['d/grad_norm'] < 0.99 * others['d/grad_norm']
    mine, theirs = (by_name(moving(one.d.params, 'd', FIRST)) for one in (after, others_after))
    assert mine.keys() == theirs.keys() and small.distance(mine, theirs) < 1e-6


def test_a_constraint_of_a_term_moves_the_others_alone():
    terms = {'base': hinge(), 'mine': Term(project={'d': functools.partial(jax.tree.map, half)})}
    gan = small.make_gan(terms, freeze=FIRST)
    state, hyper = small.first_state(gan, terms), small.make_hyper({'base': 1, 'mine': 1}, d=0)
    after, _ = small.compiled(gan, terms)(state, small.make_batch(), hyper)
    before, after = by_name(state.d.params), by_name(after.d.params)
    for name, array in before.items():
        kept = array if is_frozen('d', name) else array / 2
        np.testing.assert_array_equal(after[name], kept, err_msg=name)


def half(array):
    return array / 2


# Trees and patterns -------------------------------------------------------------------------------


def test_a_tree_without_a_pattern_passes_unchanged():
    assert moving(TREE, 'd', '') is TREE
    assert whole(TREE, {'a': {'w': 5, 'b': 6}, 'ab': {'w': 7}}) == TREE


def test_a_pattern_is_found_anywhere_in_a_name():
    assert by_name(moving(TREE, 'd', 'd/params/a/')) == {'ab/w': 3}
    assert by_name(moving(TREE, 'd', 'w$')) == {'a/b': 2}
    assert by_name(moving(TREE, 'd', 'g/')) == {'a/b': 2, 'a/w': 1, 'ab/w': 3}
    moved = jax.tree.map(lambda x: -x, moving(TREE, 'd', 'a/w'))
    assert whole(moved, TREE) == {'a': {'w': 1, 'b': -2}, 'ab': {'w': -3}}


def test_a_pattern_that_finds_nothing_names_the_layers():
    with pytest.raises(PartError) as caught:
        check_pattern('attention', {'g': {'x': {'w': 1}}, 'd': TREE})
    assert str(caught.value) == (
        "config.freeze is 'attention', which no parameter has in its name: they lie in g/params/x, "
        'd/params/a, d/params/ab'
    )


def test_a_player_of_which_nothing_moves_is_refused():
    with pytest.raises(PartError, match='leaves the generator no parameter that moves'):
        check_pattern('g/', {'g': TREE, 'd': TREE})
    check_pattern('a/', {'g': TREE, 'd': TREE})
    check_pattern('', {'g': TREE, 'd': TREE})


def test_a_run_is_refused_by_its_config():
    c = config.load_config('tests/smoke.py', ['--config.freeze=d/params/trunk/conv_9/'])
    with pytest.raises(UserError, match='config.freeze is .*g/params/.*d/params/trunk/conv_0'):
        build_trainer(json.loads(c.to_json()), data.load('digits', size=16))
    with pytest.raises(UserError, match=r"config.freeze is '\(': give a regular expression"):
        config.load_config('tests/smoke.py', ['--config.freeze=('])


# A run --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_begins_with_another_and_its_first_blocks_of_d_stay(tmp_path):
    """FreezeD, stopped and resumed bit for bit."""
    bare = ['--config=tests/smoke.py', '--config.evaluate.metrics=', '--config.evaluate.full=']
    assert train.main([*bare, f'--workdir={tmp_path}/first', '--config.steps=2']) == 0
    fine = [*bare, f'--config.init.workdir={tmp_path}/first']
    fine.append('--config.freeze=d/params/trunk/conv_[01]/')
    for name, steps in {'whole': (4,), 'parts': (2, 4)}.items():
        for count in steps:
            assert (
                train.main([*fine, f'--workdir={tmp_path}/{name}', f'--config.steps={count}']) == 0
            )
    first, whole, parts = (
        checkpoint.restore_leaves(tmp_path / name / 'checkpoints', '').state
        for name in ('first', 'whole', 'parts')
    )
    assert whole.keys() == parts.keys()
    assert all(np.array_equal(whole[name], parts[name]) for name in whole)
    params = [name for name in first if name.startswith('d/params/trunk/')]
    for name in params:
        frozen = '/conv_0/' in name or '/conv_1/' in name
        assert np.array_equal(first[name], whole[name]) == frozen, name
    assert any('mu/trunk/conv_2/' in name for name in whole)
    assert not any('mu/trunk/conv_1/' in name for name in whole)
