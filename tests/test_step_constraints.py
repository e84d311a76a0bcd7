"""Constraints of terms on a player's parameters, after each of its updates."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.runtime.errors import PartError
from gan_jax.step import make_train_step
from gan_jax.terms import Term
from gan_jax.terms.adversarial import hinge
from tests import small


def mapped(function):
    """A constraint that changes every array."""
    return lambda params: jax.tree.map(function, params)


def stepped(d_steps=1, **constraints):
    """(state before, state and metrics after) a step of hinge beside terms with constraints."""
    terms = {'base': hinge(), **{n: Term(project=project) for n, project in constraints.items()}}
    gan = small.make_gan(terms)
    state = small.first_state(gan, terms, dtype=np.float64)
    hyper = small.make_hyper(dict.fromkeys(terms, 1.0))
    batch = small.make_batch(d_steps=d_steps)
    return state, *small.compiled(gan, terms)(state, batch, hyper)


def length(tree):
    return np.sqrt(sum(np.sum(np.square(x)) for x in jax.tree.leaves(tree)))


@pytest.mark.slow
def test_each_player_has_its_own_and_the_other_is_as_it_was(x64):
    _, free, metrics = stepped()
    state, held, others = stepped(mine={'g': mapped(lambda w: w / 2)})
    assert small.distance(held.d, free.d) < 1e-12
    half = jax.tree.map(lambda w: w / 2, free.g.params)
    assert small.distance(held.g.params, half) < 1e-12
    assert small.distance(held.g.opt, free.g.opt) < 1e-12
    moves = jax.tree.map(np.subtract, held.g.params, state.g.params)
    assert float(others['g/update_norm']) == pytest.approx(length(moves), rel=1e-6)
    assert float(metrics['g/update_norm']) != pytest.approx(length(moves), rel=1e-2)
    for name in ('g/grad_norm', 'd/update_norm', 'd/grad_norm'):
        assert float(others[name]) == pytest.approx(float(metrics[name]), rel=1e-9)


def test_the_average_is_of_what_the_constraint_left(x64):
    _, after, _ = stepped(mine={'g': mapped(jnp.zeros_like)})
    assert not any(np.any(x) for x in jax.tree.leaves(after.g.params))
    kept = after.ema['params']
    assert max(np.abs(x).max() for x in jax.tree.leaves(kept)) < 1e-3


@pytest.mark.slow
def test_every_update_of_d_starts_from_what_the_last_constraint_left(x64):
    """Halved after each of two updates of plain SGD at rate 0: a quarter."""
    terms = {'base': hinge(), 'mine': Term(project={'d': mapped(lambda w: w / 2)})}
    gan = small.make_gan(terms)
    state = small.first_state(gan, terms, dtype=np.float64)
    hyper = small.make_hyper(dict.fromkeys(terms, 1.0), g=0, d=0)
    after, _ = small.compiled(gan, terms)(state, small.make_batch(d_steps=2), hyper)
    quarter = jax.tree.map(lambda w: w / 4, state.d.params)
    assert small.distance(after.d.params, quarter) < 1e-12


@pytest.mark.slow
def test_constraints_of_several_terms_are_applied_in_their_order(x64):
    one, two = ({'d': mapped(f)} for f in (lambda w: w + 1, lambda w: 2 * w))
    _, free, _ = stepped()
    _, first, _ = stepped(a=one, b=two)
    _, second, _ = stepped(a=two, b=one)
    expected = [
        jax.tree.map(f, free.d.params) for f in (lambda w: 2 * (w + 1), lambda w: 2 * w + 1)
    ]
    assert small.distance(first.d.params, expected[0]) < 1e-12
    assert small.distance(second.d.params, expected[1]) < 1e-12


def test_a_constraint_gets_the_whole_tree_heads_included():
    seen = []

    def noted(params):
        seen.append(jax.tree.structure(params))
        return params

    state, *_ = stepped(mine={'d': noted})
    assert seen == [jax.tree.structure(state.d.params)]


def test_a_scheduled_keyword_reaches_the_constraint(x64):
    """The number is an argument of the compiled step."""

    def to(value):
        return Term(project={'d': mapped(lambda w: jnp.full_like(w, value))})

    terms = {'base': hinge(), 'mine': to(7.0)._replace(remake=to)}
    gan = small.make_gan(terms)
    state = small.first_state(gan, terms)
    hyper = small.make_hyper(dict.fromkeys(terms, 1.0))
    hyper = hyper._replace(keywords={'terms.mine': {'value': np.float32(3)}})
    after, _ = small.compiled(gan, terms)(state, small.make_batch(), hyper)
    assert all(np.all(x == 3) for x in jax.tree.leaves(after.d.params))


@pytest.mark.parametrize(
    ('project', 'words'),
    [
        (
            lambda params: {},
            "its project.'d'. returns a tree of another structure than it is given",
        ),
        (mapped(lambda w: w.astype(jnp.float16)), 'returns float16 .* where float32 .* is wanted'),
        (mapped(lambda w: jnp.sum(w)), r"returns float32 \[\] at \['logit'\].* where float32 \["),
        (lambda params: params['conv'], "KeyError: 'conv'"),
    ],
)
def test_a_constraint_that_returns_something_else_is_refused(project, words):
    terms = {'base': hinge(), 'mine': Term(project={'d': project})}
    gan = small.make_gan(terms, optimizers=dict.fromkeys('gd', optax.sgd(1.0)))
    arguments = small.first_state(gan, terms), small.make_batch(), small.make_hyper({'base': 1})
    with pytest.raises(PartError, match=f'^config.terms.mine: .*{words}'):
        jax.eval_shape(make_train_step(gan, terms), *arguments)
