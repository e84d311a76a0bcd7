"""Numbers of the step that a term's state owns."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.control import controlled, controls_of
from gan_jax.gan import Augment
from gan_jax.step import make_train_step
from gan_jax.terms import Objective, Term
from gan_jax.terms.ada import ada
from gan_jax.terms.adversarial import hinge
from tests import small

POLICIES = {'real': '', 'critic': 'translation', 'view': 'p(flip)'}


def owner(*keys):
    """A term whose state is a number that grows by a quarter in each update of D."""

    def d(out, state, key):
        return {}, {'number': state['number'] + 0.25}, {'number': state['number']}

    return Term(
        d=Objective({}, d),
        init=lambda: {'number': jnp.float32(0.25)},
        controls={key: lambda state: state['number'] for key in keys},
    )


@pytest.mark.parametrize(
    ('key', 'path'),
    [
        ('augment.critic.strength', ('strength', 'translation')),
        ('augment.view.probability', ('probability', 'p(flip)')),
        ('terms.base.weight', ('weights', 'base')),
    ],
)
def test_a_key_leads_to_a_number_of_the_step(key, path):
    terms = {'base': hinge(), 'mine': owner(key)}
    assert [*controls_of(terms, POLICIES)] == [path]
    hyper = small.make_hyper({'base': 1, 'mine': 1})._replace(probability={'p(flip)': 1.0})
    after = controlled(controls_of(terms, POLICIES), {'mine': {'number': jnp.float32(0.5)}}, hyper)
    before = hyper._asdict()
    for field, numbers in after._asdict().items():
        if field == path[0]:
            assert numbers[path[1]] == 0.5
            numbers, before[field] = (
                {k: v for k, v in tree.items() if k != path[1]} for tree in (numbers, before[field])
            )
        assert numbers == before[field]


@pytest.mark.parametrize(
    ('key', 'words'),
    [
        ('augment.critic.probability', "the policy 'translation' takes no probability"),
        ('augment.view.strength', r"the policy 'p\(flip\)' takes no strength"),
        ('augment.real.strength', "the policy '' takes no strength"),
        ('augment.strength', "controls 'augment.strength', which is no number of the step"),
        ('terms.other.weight', "controls 'terms.other.weight', which is no number of the step"),
        ('optim.g.learning_rate', 'which is no number of the step'),
    ],
)
def test_a_key_that_leads_nowhere_is_refused(key, words):
    with pytest.raises(ValueError, match=words):
        controls_of({'mine': owner(key)}, POLICIES)


def test_two_terms_cannot_control_one_number():
    terms = dict.fromkeys('ab', owner('augment.critic.strength'))
    with pytest.raises(ValueError, match='terms.a and terms.b both control config.augment.critic'):
        controls_of(terms, POLICIES)


@pytest.mark.slow
def test_the_step_uses_the_states_number_in_both_updates():
    """D's update sees the number before it, G's the number after it."""
    plain, mine = {'base': hinge()}, owner('terms.base.weight')
    terms = {**plain, 'mine': mine}
    gan, batch = small.make_gan(terms), small.make_batch()
    state = small.first_state(gan, terms)
    owned = small.make_hyper({'base': 9, 'mine': 1})
    after, metrics = small.jit(make_train_step(gan, terms))(state, batch, owned)
    assert after.terms['mine']['number'] == 0.5
    bare, fixed = state.replace(terms={'base': {}}), small.make_hyper({'base': 0.25})
    other, others = small.jit(make_train_step(gan, plain))(bare, batch, fixed)
    assert small.distance(after.d, other.d) < 1e-6
    assert float(metrics['g/grad_norm']) == pytest.approx(
        2 * float(others['g/grad_norm']), rel=1e-5
    )


# ADA ----------------------------------------------------------------------------------------------


def followed(logits, **options):
    """p and r_t after each update of D on such logits of reals."""
    term = ada(**options)
    state, seen = term.init(), []
    for logit in logits:
        out = {'real': {'logit': jnp.asarray(logit, jnp.float32)}}
        parts, state, metrics = term.d.loss(out, state, None)
        assert parts == {}
        seen.append((float(metrics['p']), float(metrics['r_t'])))
    return seen


def test_p_rises_where_d_overfits_and_falls_where_it_does_not():
    """Worked by hand: four updates of four reals move p by 16 / 160."""
    sure, unsure = [1.0, 2.0, 3.0, 0.5], [1.0, -1.0, 2.0, -2.0]
    seen = followed([sure] * 8 + [unsure] * 12, images=160.0)
    p, r_t = zip(*seen, strict=True)
    np.testing.assert_allclose(p[:8], [0] * 3 + [0.1] * 4 + [0.2], atol=1e-7)
    np.testing.assert_allclose(p[8:], [0.2] * 3 + [0.1] * 4 + [0.0] * 5, atol=1e-7)
    assert r_t == (1.0,) * 8 + (0.0,) * 12


def test_r_t_is_averaged_over_the_interval():
    """Means 1, 0.5, 0.5, 0.5 are 0.625 > 0.6, and 0.5 four times is below."""
    half = [1.0, 1.0, 1.0, -1.0]
    assert followed([[1.0] * 4, half, half, half], images=160.0)[-1][0] == pytest.approx(0.1)
    assert followed([[1.0] * 4, half, half, half], images=160.0, target=0.7)[-1][0] == 0


def test_p_stays_at_one():
    assert followed([[1.0]] * 8, images=2.0)[-1][0] == 1.0


@pytest.mark.slow
def test_the_strength_of_what_d_sees_is_p():
    """With p at 0 the critic's augmentation is the identity, whatever the config says."""
    terms = {'base': hinge(), 'ada': ada(images=16.0)}
    gan = small.make_gan(terms, augment=Augment(critic='translation'))
    hyper = small.make_hyper({'base': 1, 'ada': 1}, strength=0.9)
    state = small.first_state(gan, terms)
    step = small.jit(make_train_step(gan, terms))
    bare, plain = small.make_gan({'base': hinge()}, augment=Augment()), {'base': hinge()}
    other = small.jit(make_train_step(bare, plain))
    first, metrics = step(state, small.make_batch(), hyper)
    without, _ = other(state.replace(terms={'base': {}}), small.make_batch(), hyper)
    assert metrics['d/ada/p'] == 0
    assert small.distance(first.d.params, without.d.params) < 1e-6
    state = state.replace(
        terms={**state.terms, 'ada': {**state.terms['ada'], 'p': jnp.float32(0.9)}}
    )
    moved, _ = step(state, small.make_batch(), hyper)
    assert small.distance(first.d.params, moved.d.params) > 1e-4


def test_targets_are_data():
    """One trace of the step for five targets."""
    traces = []

    @jax.jit
    def p_after(target, state):
        traces.append(0)
        return ada(target, interval=1).d.loss({'real': {'logit': jnp.ones(4)}}, state, None)[1]['p']

    moved = [float(p_after(np.float32(t), ada().init())) for t in (0.2, 0.4, 0.6, 0.8, 1.0)]
    assert len(traces) == 1
    assert [p > 0 for p in moved] == [True] * 4 + [False]
