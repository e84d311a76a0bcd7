"""The state before the first step, the average of G, and the running means of a log window."""

from pathlib import Path

import jax
import numpy as np
import optax
import pytest

from gan_jax.experiment import config
from gan_jax.keys import named
from gan_jax.running_means import empty, merge_metrics
from gan_jax.state import Ema, Net, Power, average, create, nbytes
from gan_jax.terms import Term
from gan_jax.terms.adversarial import hinge
from tests import small


@pytest.fixture(scope='module')
def modules():
    gan = small.make_gan({'adversarial': hinge()})
    return gan.generator, gan.critic


@pytest.fixture(scope='module')
def make(modules):
    terms = {'adversarial': hinge(), 'counter': Term(init=lambda: {'n': np.float32(3)})}
    optimizers = {'g': optax.adam(1.0), 'd': optax.sgd(1.0)}

    def of_seed(seed):
        sizes = dict(latent_dim=small.LATENT, shape=small.SHAPE)
        return create(*modules, terms, optimizers, seed=seed, **sizes)

    return small.jit(of_seed)


def test_first_state(make):
    state = make(0)
    assert state.step == 0 and state.metrics == {}
    assert state.terms == {'adversarial': {}, 'counter': {'n': 3}}
    assert set(state.g.stats) == set(state.d.stats) == {'batch_stats'}
    assert small.same(
        state.ema, {'params': state.g.params, 'batch_stats': state.g.stats['batch_stats']}
    )
    # The optimisers are those of each player.
    assert state.g.opt[0].mu.keys() == state.g.params.keys()
    assert not jax.tree.leaves(state.d.opt)


def test_seed_decides_the_weights(make):
    state, again, other = make(0), make(0), make(1)
    assert small.same(state, again)
    for side in 'gd':
        kernels = [
            [x for x in jax.tree.leaves(getattr(s, side).params) if x.ndim > 1]
            for s in (state, other)
        ]
        assert all(np.abs(a - b).max() > 1e-2 for a, b in zip(*kernels, strict=True))


@pytest.mark.slow
def test_each_player_starts_from_a_key_of_its_own_name(make, modules):
    """So the weights of one seed stay those, whatever else is drawn from it."""
    generator, critic = modules
    inputs = {'g': np.zeros((2, small.LATENT)), 'd': np.zeros((2, *small.SHAPE))}
    state, label = make(3), np.zeros(2, np.int32)
    for side, module in (('g', generator), ('d', critic)):
        key = named(jax.random.key(3), 'init', side)
        drawn = small.jit(module.init, static_argnames='train')(
            key, inputs[side].astype(np.float32), label, train=True
        )
        assert small.distance(getattr(state, side).variables, dict(drawn)) < 1e-6


def test_bytes_of_a_tree():
    tree = {
        'a': np.zeros((3, 5), np.float32),
        'b': [jax.ShapeDtypeStruct((7,), jax.numpy.bfloat16), np.zeros((), np.int8)],
    }
    assert nbytes(tree) == 3 * 5 * 4 + 7 * 2 + 1


@pytest.mark.parametrize(
    ('step', 'halflife'),
    [
        (0, 0.5 * 4),  # of 0.5 times the 4 images seen
        (2, 0.5 * 12),
        (4, 10.0),  # 0.5 times 20
        (9, 10.0),  # no longer than `halflife_images`
    ],
)
def test_an_old_value_counts_half_after_the_half_life(step, halflife):
    net = Net({'w': np.float32(1)}, {'stats': {'m': np.float32(2)}}, ())
    old = {'params': {'w': np.float32(5)}, 'stats': {'m': np.float32(-2)}}
    ema = Ema(halflife_images=10.0, ramp=0.5)
    after = average(ema, old, net.variables, np.int32(step), 4)
    kept = 0.5 ** (4 / halflife)
    expected = {'params': {'w': 1 + 4 * kept}, 'stats': {'m': 2 - 4 * kept}}
    assert small.distance(after, expected) < 1e-6


@pytest.mark.parametrize('step', [0, 1, 9, 10_000_000])
def test_a_power_average_keeps_its_share_after_any_number_of_steps(step):
    """(1 - 1/t)^(gamma + 1) after t steps: 0 after the first, and no rounding near 1 later."""
    after = average(Power(6.94), np.float32(1), np.float32(0), np.int32(step), 4)
    share = -np.expm1(7.94 * np.log1p(-1 / (step + 1))) if step else 1.0
    assert after == pytest.approx(1 - share, abs=1e-7)
    late = average(Power(6.94), np.float32(0), np.float32(1), np.int32(step), 4)
    assert late == pytest.approx(share, rel=1e-6)


def test_an_average_that_nobody_sets_is_that_of_the_configs():
    given = config.load_config(str(Path(__file__).parent.parent / 'configs' / 'digits.py')).ema
    assert Ema()._asdict() == given.to_dict() == {'halflife_images': 10_000.0, 'ramp': 0.05}


def test_running_means():
    running = empty(['d/a', 'g/a', 'd/lazy'])
    for d, g in ((1.0, 10.0), (2.0, 20.0), (6.0, 30.0)):
        running = merge_metrics(running, {'d/a': np.float32(d), 'g/a': np.float32(g), 'new': d})
    running = merge_metrics(running, {'d/lazy': np.float32(5)})
    assert list(running) == ['d/a', 'g/a', 'd/lazy']
    assert running['d/a'].compute() == 3
    assert running['g/a'].compute() == 20
    assert running['d/lazy'].compute() == 5  # of the one step that had it


def test_label_vectors_are_kept_as_they_are():
    """A mean of equal numbers may be rounded; the data's table is no average."""
    table = {'label_vectors': {'table': np.float32([[0.1, 0.7], [1 / 3, 3]])}}
    new = {'params': {'w': np.float32(0)}, **table}
    old = {'params': {'w': np.float32(1)}, **table}
    for options in (Ema(halflife_images=7.0, ramp=0.3), Power(6.94)):
        after = average(options, old, new, np.int32(2), 4)
        np.testing.assert_array_equal(
            after['label_vectors']['table'], table['label_vectors']['table']
        )
        assert 0 < after['params']['w'] < 1
