"""The state before the first step, and the running means of a log window."""

import jax
import numpy as np
import optax
import pytest

from gan_jax.state import accumulate, create, empty
from gan_jax.terms import Term
from gan_jax.terms.adversarial import hinge
from tests import small


@pytest.fixture(scope='module')
def make():
    terms = {'adversarial': hinge(), 'counter': Term(init=lambda: {'n': np.float32(3)})}
    optimizers = {'g': optax.adam(1.0), 'd': optax.sgd(1.0)}
    game = small.make_game(terms, optimizers=optimizers)

    def of_seed(seed):
        modules = (game.generator, game.critic, terms, optimizers)
        return create(*modules, seed=seed, latent_dim=small.LATENT, shape=small.SHAPE)

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


def test_running_means():
    running = empty(['d/a', 'g/a', 'd/lazy'])
    for d, g in ((1.0, 10.0), (2.0, 20.0), (6.0, 30.0)):
        running = accumulate(running, {'d/a': np.float32(d), 'g/a': np.float32(g), 'new': d})
    running = accumulate(running, {'d/lazy': np.float32(5)})
    assert list(running) == ['d/a', 'g/a', 'd/lazy']
    assert running['d/a'].compute() == 3
    assert running['g/a'].compute() == 20
    assert running['d/lazy'].compute() == 5  # of the one step that had it
