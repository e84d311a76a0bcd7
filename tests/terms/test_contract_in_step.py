"""What every term promises, for every factory of the package: what the whole step makes of it."""

import functools
from pathlib import Path

import jax
import numpy as np
import pytest

from gan_jax.experiment import build, config
from gan_jax.terms.adversarial import hinge
from tests import small
from tests.terms.family import (
    FACTORIES,
    OBJECTIVES,
    WEIGHTS,
    central_difference,
    directions,
    inner,
    make,
    outputs,
    parts_of,
    random,
)

ROOT = Path(__file__).parents[2]

every_factory = pytest.mark.parametrize('path', FACTORIES)


@functools.cache
def game_with(path):
    """A hinge game with the term, its compiled step, a state and a batch, in float64."""
    played = {'base': hinge(), **({'mine': make(path)} if path else {})}
    gan = small.smooth_game(played)
    state = small.first_state(gan, played, dtype=np.float64)
    state = state.replace(d=state.d.replace(stats=converged(state.d)))
    return played, small.compiled(gan, played), state, small.make_batch()


def converged(net):
    """The collections with the vectors that the power iterations of the heads end at.

    There the largest singular value is stationary in its vectors, so that a finite difference sees
    the gradient that spectral normalisation takes, which holds them still.
    """

    def settle(path, x):
        kernel = net.params
        for name in (*(key.key for key in path[1:-2]), *path[-1].key.split('/')[:-1]):
            kernel = kernel[name]
        return np.linalg.svd(kernel)[2][:1]

    return jax.tree_util.tree_map_with_path(
        lambda path, x: settle(path, x) if path[-1].key.endswith('/u') else x, net.stats
    )


@pytest.mark.parametrize(('path', 'side'), OBJECTIVES)
def test_step_descends_the_slope(path, side, x64):
    """From the loss through D, views and G to every array of the player's weights."""
    played, step, state, batch = game_with(path)
    # The other player stands still; plain SGD at rate 1 moves by the gradient itself.
    parts = parts_of(played['mine'], side, outputs(played['mine'], side, random(np.float64)))
    weight = WEIGHTS.get((path, side), 1)
    weights = weight if isinstance(weight, dict) else dict.fromkeys(parts, weight)
    hyper = small.make_hyper({'base': 0, 'mine': weight}, **({'g': 0, 'd': 0} | {side: 1}))

    def value(params):
        net = getattr(state, side).replace(params=params)
        _, metrics = step(state.replace(**{side: net}), batch, hyper)
        return float(sum(w * metrics[f'{side}/mine/{part}'] for part, w in weights.items()))

    before = getattr(state, side).params
    after = getattr(step(state, batch, hyper)[0], side).params
    grads = jax.tree.map(lambda a, b: np.asarray(a) - np.asarray(b), before, after)
    assert max(np.abs(g).max() for g in jax.tree.leaves(grads)) > 1e-3
    for where, direction in directions(before):
        slope = central_difference(value, before, direction, 1e-5)
        np.testing.assert_allclose(
            inner(grads, direction), slope, rtol=1e-6, atol=1e-8, err_msg=where
        )


@every_factory
def test_weight_zero_equals_absent(path, x64):
    """A weight that a sweep varies stays in the program, and at 0 changes nothing."""
    _, step, state, batch = game_with(path)
    _, bare_step, bare, _ = game_with(None)
    bare = bare.replace(g=state.g, d=bare.d.replace(params=only(bare.d.params, state.d.params)))
    hyper = small.make_hyper({'base': 1, 'mine': 0})
    with_term, metrics = step(state, batch, hyper)
    without, bare_metrics = bare_step(bare, batch, small.make_hyper({'base': 1}))
    assert small.distance(with_term.g.params, without.g.params) < 1e-12
    common = only(without.d.params, with_term.d.params)
    assert small.distance(common, without.d.params) < 1e-12
    assert small.distance(without.d.params, bare.d.params) > 1e-3
    # What belongs to the term alone has not moved.
    for name in with_term.d.params.keys() - common.keys():
        assert small.same(with_term.d.params[name], state.d.params[name])
    assert small.distance({k: metrics[k] for k in bare_metrics}, bare_metrics) < 1e-12


def only(pattern, tree):
    """The entries of `tree` that `pattern` has too."""
    return {name: tree[name] for name in pattern}


@every_factory
def test_weight_zero_in_the_config_removes_the_term(path):
    """Its views and its head never enter the program."""
    settings = config.load_config(f'{ROOT}/configs/digits.py:method=none').to_dict()
    options = {'shape': (16, 16, 1), 'num_classes': 10}
    bare = build.build_experiment(settings, **options)
    for weight in (0.0, {'real': 0.0, 'fake': 0.0}):
        settings['terms']['mine'] = {'fn': path, 'weight': weight}
        built = build.build_experiment(settings, **options)
        assert built.terms.keys() == built.every.keys() == built.hyper.weights.keys()
        assert built.terms.keys() == bare.terms.keys()
        assert built.gan.critic == bare.gan.critic
