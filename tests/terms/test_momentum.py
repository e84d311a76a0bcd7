"""MoCo and BYOL against the formulas, and views by the averaged discriminator in the step."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.state import Ema
from gan_jax.step import make_train_step
from gan_jax.terms import Objective, Term
from gan_jax.terms.adversarial import hinge
from gan_jax.terms.momentum import byol, info_nce, moco
from gan_jax.views import View
from tests import small

RNG = np.random.default_rng(0)


def unit(x):
    return x / np.sqrt((x * x).sum(1, keepdims=True))


def moco_of(query, key, queue, temperature, sign=1, factor=1):
    """Equation 1 of He et al. 2019, one query after the other."""
    total = 0.0
    for q, k in zip(unit(query), unit(key), strict=True):
        positive = np.exp(sign * (q @ k) / temperature)
        negatives = sum(np.exp(q @ old / temperature) for old in queue)
        total -= np.log(positive / (positive + factor * negatives))
    return total / len(query)


def byol_of(predictions, targets, sign=1, factor=1):
    """Equations 2 and 3 of Grill et al. 2020: squared distances of unit vectors, in both orders."""
    total = 0.0
    for p, t in zip(predictions, reversed(targets), strict=True):
        total += factor * ((unit(p) - sign * unit(t)) ** 2).sum(1).mean()
    return total


def outputs(names=('projection',)):
    def head():
        return {name: jnp.asarray(RNG.normal(size=(3, 4))) for name in names}

    return {v: {'head': head(), 'target': {'head': head()}} for v in ('real_1', 'real_2')}


@pytest.mark.slow
def test_moco_is_its_equation(x64):
    term, out = moco(0.3, queue=5, hidden=4, size=4), outputs()
    state = {'queue': jnp.asarray(unit(RNG.normal(size=(5, 4))))}
    parts, after, _ = term.d.loss(out, state, None)
    query, key = out['real_1']['head'], out['real_2']['target']['head']
    arguments = (
        *(np.asarray(h['projection']) for h in (query, key)),
        np.asarray(state['queue']),
        0.3,
    )
    assert float(parts['real']) == pytest.approx(moco_of(*arguments), rel=1e-12)
    for error in ({'sign': -1}, {'factor': 2}):
        assert float(parts['real']) != pytest.approx(moco_of(*arguments, **error), rel=1e-3)
    np.testing.assert_allclose(after['queue'][:3], unit(arguments[1]), rtol=1e-12)
    np.testing.assert_array_equal(after['queue'][3:], state['queue'][:2])


def test_a_queue_worked_by_hand():
    """One query along its key, and one negative at a right angle: -log(e^2 / (e^2 + 1))."""
    query, queue = jnp.float32([[1.0, 0.0]]), jnp.float32([[0.0, 1.0]])
    expected = np.log(1 + np.exp(-2))
    assert float(info_nce(query, query, queue, 0.5)) == pytest.approx(expected, rel=1e-6)


def test_the_first_queue_is_of_unit_directions_and_always_the_same():
    first, again = (moco(queue=6, size=4).init()['queue'] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, rtol=1e-6)


@pytest.mark.slow
def test_no_gradient_flows_from_the_queue_into_later_updates(x64):
    term, out = moco(queue=5, hidden=4, size=4), outputs()

    def after(projection):
        moved = {**out, 'real_2': {**out['real_2'], 'target': {'head': {'projection': projection}}}}
        return jnp.sum(term.d.loss(moved, term.init(), None)[1]['queue'] ** 3)

    assert not np.any(jax.grad(after)(out['real_2']['target']['head']['projection']))


def test_byol_is_its_equations(x64):
    term, out = byol(hidden=4, size=4), outputs(('projection', 'prediction'))
    predictions = [np.asarray(out[v]['head']['prediction']) for v in out]
    targets = [np.asarray(out[v]['target']['head']['projection']) for v in out]
    value = float(term.d.loss(out, {}, None)[0]['real'])
    assert value == pytest.approx(byol_of(predictions, targets), rel=1e-12)
    for error in ({'sign': -1}, {'factor': 2}):
        assert value != pytest.approx(byol_of(predictions, targets, **error), rel=1e-3)
    assert value != pytest.approx(byol_of(predictions, targets[::-1]), rel=1e-3)


# In the step --------------------------------------------------------------------------------------


def probe():
    """A term whose loss is the mean squared difference of D's logit and its average's."""

    def d(out, state, key):
        logit, target = out['real']['logit'], out['real']['target']['logit']
        kept = {'image': out['fake_by_average']['image'], **out['fake_by_average']['target']}
        return {'all': jnp.mean((logit - target) ** 2)}, {'kept': kept}, {}

    targets = {'real': View('real'), 'fake_by_average': View('fake')}
    return Term(d=Objective({'real': View('real')}, d, targets=targets), init=lambda: {'kept': {}})


@functools.cache
def stepped():
    terms = {'base': hinge(), 'probe': probe()}
    gan = small.make_gan(terms, averages={'d': Ema(halflife_images=8.0, ramp=1e9)})
    state = small.first_state(gan, terms, dtype=np.float64)
    old = small.numbers(state.averages['d'], np.random.default_rng(5), np.float64)
    state = state.replace(averages={'d': old})
    hyper = small.make_hyper({'base': 0, 'probe': 1}, g=0, d=0.3)
    after, metrics = small.jit(make_train_step(gan, terms))(state, small.make_batch(), hyper)
    return gan, state, jax.device_get(after), metrics


def test_the_average_of_d_moves_by_its_half_life(x64):
    _, state, after, _ = stepped()
    kept = 0.5 ** (small.BATCH / 8)
    expected = jax.tree.map(
        lambda old, new: kept * old + (1 - kept) * new, state.averages['d'], after.d.variables
    )
    assert small.distance(after.averages['d'], expected) < 1e-6  # images are counted in float32


@pytest.mark.slow
def test_a_target_is_the_averaged_discriminator_on_the_view(x64):
    """A view that is a target alone has its image too, and no output of D itself."""
    gan, state, after, _ = stepped()
    kept = after.terms['probe']['kept']
    out = gan.critic.apply(
        state.averages['d'], kept['image'], kept['label'], train=True, mutable=['batch_stats']
    )[0]
    for name in ('logit', 'features'):
        np.testing.assert_allclose(kept[name], out[name], rtol=1e-10)


@pytest.mark.slow
def test_the_gradient_holds_the_target_still(x64):
    gan, state, after, metrics = stepped()
    image, label = small.make_batch()['image'][0] / 255, small.make_batch()['label'][0]
    look = functools.partial(gan.critic.apply, train=True, mutable=['batch_stats'])
    target = look(state.averages['d'], image, label)[0]['logit']

    def value(params):
        logit = look({'params': params, **state.d.stats}, image, label)[0]['logit']
        return jnp.mean((logit - target) ** 2)

    expected, slope = small.jit(jax.value_and_grad(value))(state.d.params)
    assert float(metrics['d/probe/all']) == pytest.approx(float(expected), rel=1e-9)
    moved = jax.tree.map(lambda a, b: (a - b) / np.float32(0.3), state.d.params, after.d.params)
    assert small.distance(moved, slope) < 1e-6


def test_without_an_average_the_term_is_refused():
    with pytest.raises(ValueError, match='terms.moco looks at its views by an average.*averages'):
        terms = {'moco': moco()}
        make_train_step(small.make_gan(terms, averages={}), terms)
