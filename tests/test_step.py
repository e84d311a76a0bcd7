"""The train step: who moves whom, what a D update costs, and the average of the generator."""

import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.gan import Augment
from gan_jax.keys import named
from gan_jax.models.critic import Critic
from gan_jax.players import Keys, d_gradient, make_losses
from gan_jax.state import Ema, Power
from gan_jax.step import make_d_gradient, make_train_step
from gan_jax.terms import Objective, Term
from gan_jax.terms.adversarial import hinge
from gan_jax.terms.consistency import balanced
from gan_jax.terms.contrastive import cntr
from gan_jax.terms.penalty import r1
from tests import small

TERMS = {'adversarial': hinge(), 'consistency': balanced(), 'contrastive': cntr()}
WEIGHTS = {'adversarial': 1.0, 'consistency': 5.0, 'contrastive': 0.1}


def pick(*names):
    return {name: TERMS[name] for name in names}


def taken(step, state, hyper, count, **batch):
    """The state after `count` steps, each on a batch of its own."""
    for number in range(count):
        state, _ = step(state, small.make_batch(seed=number, **batch), hyper)
    return state


@pytest.mark.slow
def test_consistency_under_the_identity_is_bit_identical_to_none():
    """Compiled as in training: the same program, but for differences that are zero."""
    adam = {side: optax.adam(1.0, b1=0.5) for side in 'gd'}
    after = []
    for names in (('adversarial', 'consistency'), ('adversarial',)):
        gan = small.make_gan(pick(*names), optimizers=adam, augment=Augment(view=''))
        step = jax.jit(make_train_step(gan, pick(*names)))
        state = small.first_state(gan, pick(*names))
        hyper = small.make_hyper({name: WEIGHTS[name] for name in names})
        after.append(taken(step, state, hyper, 3))
    with_term, without = after
    assert small.same(with_term.replace(terms={}), without.replace(terms={}))
    assert small.distance(with_term.g.params, state.g.params) > 1e-3


# Norms --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize('accumulate', [1, 2])
def test_norms_are_of_the_gradient_and_of_the_move(x64, accumulate):
    """With plain SGD both follow from how far the weights have moved."""
    terms = pick('adversarial', 'consistency')
    gan = small.make_gan(terms, accumulate=accumulate)
    state = small.first_state(gan, terms, dtype=np.float64)
    hyper = small.make_hyper({name: WEIGHTS[name] for name in terms}, g=0.2, d=0.05)
    after, metrics = small.compiled(gan, terms)(state, small.make_batch(), hyper)
    for side, rate in {'g': 0.2, 'd': 0.05}.items():
        before, moved = getattr(state, side).params, getattr(after, side).params
        moves = jax.tree.map(lambda new, old: np.asarray(new - old).ravel(), moved, before)
        length = np.linalg.norm(np.concatenate(jax.tree.leaves(moves)))
        np.testing.assert_allclose(metrics[f'{side}/update_norm'], length, rtol=1e-6)
        np.testing.assert_allclose(metrics[f'{side}/grad_norm'], length / rate, rtol=1e-6)


@pytest.mark.slow
def test_the_norms_of_d_are_means_over_its_updates():
    terms = pick('adversarial')
    gan, hyper = small.make_gan(terms), small.make_hyper({'adversarial': 1}, g=0, d=0)
    state, batch = small.first_state(gan, terms), small.make_batch(d_steps=2)
    frozen = small.compiled(gan, terms)
    _, metrics = frozen(state, batch, hyper)
    gradient = small.jit(make_d_gradient(gan, terms))
    key = named(jax.random.key(0), 'step', state.step)
    norms = []
    for i in range(2):
        one = jax.tree.map(lambda x, i=i: x[i], batch)
        grads = gradient(state, one, named(key, 'd', i), hyper)
        norms.append(np.linalg.norm(np.concatenate([x.ravel() for x in jax.tree.leaves(grads)])))
        state = _with_stats(gan, terms, state, one, named(key, 'd', i), hyper)
    np.testing.assert_allclose(metrics['d/grad_norm'], np.mean(norms), rtol=1e-4)
    assert metrics['d/update_norm'] == 0


def _with_stats(gan, terms, state, batch, key, hyper):
    """The state whose spectral norms have seen one update of a discriminator that stands still."""
    losses = make_losses(gan, terms)
    return small.jit(lambda: d_gradient(losses, state, batch, Keys(key, key), hyper)[0])()


# Who moves whom -----------------------------------------------------------------------------------


def test_each_update_leaves_the_other_player_bit_identical():
    """D learns from its own loss, G from its images alone, so that either can stand still."""

    def of_images(out, state, key):
        return {'mean': jnp.mean(out['fake']['image'])}, state, {}

    terms = {'d': hinge()._replace(g=None), 'g': Term(g=Objective({}, of_images))}
    gan = small.make_gan(terms, optimizers={side: optax.adam(1.0) for side in 'gd'})
    state, step = small.first_state(gan, terms), small.compiled(gan, terms)

    def after(g, d):
        return step(state, small.make_batch(), small.make_hyper({'d': 1, 'g': 1}, g=g, d=d))[0]

    both, g_still, d_still = after(0.1, 0.1), after(0, 0.1), after(0.1, 0)
    # Weights, collections and Adam's moments.
    assert small.same(both.g, d_still.g)
    assert small.same(both.d, g_still.d)
    assert small.same(g_still.g.params, state.g.params)
    assert small.same(d_still.d.params, state.d.params)
    assert not small.same(both.g.params, state.g.params)
    assert not small.same(both.d.params, state.d.params)


def test_collections_change_in_the_owners_update_only(x64):
    """Spectral norm's u moves with each D update, BatchNorm's averages with G's."""
    gan = small.make_gan(pick('adversarial'))
    state = small.first_state(gan, pick('adversarial'), dtype=np.float64)
    batch, hyper = small.make_batch(d_steps=2), small.make_hyper({'adversarial': 1}, d=0)
    after, _ = small.compiled(gan, pick('adversarial'))(state, batch, hyper)

    @small.jit
    def expected(state):
        d, g = state.d.stats, state.g.stats
        images = jnp.zeros((1, *small.SHAPE))  # u does not depend on them
        label = jnp.zeros(1, jnp.int32)
        for _ in batch['label']:
            d = apply(gan.critic, state.d.params, d, images, label)
        z = jax.random.normal(named(jax.random.key(0), 'step', 0, 'g', 'z'), (4, small.LATENT))
        return d, apply(gan.generator, state.g.params, g, z, label)

    d, g = expected(state)
    assert small.distance(after.d.stats, d) < 1e-12
    assert small.distance(after.g.stats, g) < 1e-12
    assert small.distance(after.d.stats, state.d.stats) > 1e-2
    assert small.distance(after.g.stats, state.g.stats) > 1e-2


def apply(module, params, stats, *inputs):
    """The module's collections after a pass."""
    return module.apply({'params': params, **stats}, *inputs, train=True, mutable=['batch_stats'])[
        1
    ]


# What a step does with its terms ------------------------------------------------------------------


@pytest.mark.slow
def test_order_of_terms_does_not_matter(x64):
    after = []
    for names in (tuple(TERMS), tuple(reversed(TERMS))):
        gan = small.make_gan(pick(*names))
        state = small.first_state(gan, pick(*names), dtype=np.float64)
        step = small.compiled(gan, pick(*names))
        after.append(taken(step, state, small.make_hyper(WEIGHTS), 2))
    assert small.distance(*after) < 1e-12


class Recorder(nn.Module):
    """A trunk that notes how many images it is shown."""

    @nn.compact
    def __call__(self, image, *, train):
        SIZES.append(image.shape[0])
        return nn.Dense(3)(image.reshape(image.shape[0], -1))


SIZES = []


@pytest.mark.parametrize(
    ('names', 'policy', 'joint', 'sizes'),
    [
        (('adversarial',), 'translation', True, [2, 1]),
        (('adversarial', 'consistency'), 'translation', True, [4, 1]),
        (('adversarial', 'contrastive'), 'translation', True, [6, 1]),
        # Cntr's first views are those of bCR.
        (('adversarial', 'consistency', 'contrastive'), 'translation', True, [6, 1]),
        (('adversarial', 'consistency', 'contrastive'), '', True, [2, 1]),
        (('adversarial', 'consistency'), 'translation', False, [1, 1, 1, 1, 1]),
    ],
)
def test_d_sees_every_distinct_view_once(names, policy, joint, sizes):
    terms = pick(*names)
    heads = {name: term.head for name, term in terms.items() if term.head is not None}
    options = {'augment': Augment(view=policy), 'joint': joint}
    gan = small.make_gan(terms, critic=Critic(Recorder(), heads), **options)
    state = small.first_state(gan, terms)
    SIZES.clear()
    hyper = small.make_hyper(dict.fromkeys(names, 1.0))
    jax.eval_shape(make_train_step(gan, terms), state, small.make_batch(), hyper)
    assert [small.BATCH * size for size in sizes] == SIZES


@pytest.mark.slow
def test_a_term_that_acts_every_third_step_counts_three_times(x64):
    terms = pick('adversarial', 'consistency')
    gan = small.make_gan(terms)
    state, batch = small.first_state(gan, terms, dtype=np.float64), small.make_batch()
    lazy, lazy_metrics = small.compiled(gan, terms, every={'adversarial': 1, 'consistency': 3})(
        state, batch, small.make_hyper({'adversarial': 1, 'consistency': {'real': 2, 'fake': 5}})
    )
    full, metrics = small.compiled(gan, terms)(
        state, batch, small.make_hyper({'adversarial': 1, 'consistency': {'real': 6, 'fake': 15}})
    )
    assert small.distance(lazy, full) < 1e-12
    assert small.distance(lazy_metrics, metrics) < 1e-12  # of the parts without weights


@pytest.mark.slow
def test_scan_of_accelerators_equals_the_loop_of_the_cpu(x64, monkeypatch):
    terms = pick('adversarial', 'consistency')
    gan = small.make_gan(terms)
    state = small.first_state(gan, terms, dtype=np.float64)
    batch = small.make_batch(d_steps=2)
    hyper = small.make_hyper({name: WEIGHTS[name] for name in terms})
    on_cpu = small.compiled(gan, terms)(state, batch, hyper)
    monkeypatch.setattr(jax, 'default_backend', lambda: 'gpu')
    step = make_train_step(gan, terms)
    assert 'scan' in str(jax.make_jaxpr(step)(state, batch, hyper))
    assert small.distance(small.jit(step)(state, batch, hyper), on_cpu) < 1e-12


@pytest.mark.parametrize('side', 'gd')
def test_gradients_are_taken_at_whole_parameters_and_move_those_of_the_state(side, x64):
    """`gather_params` makes others of them here, so that it shows where they are read.

    It gathers the gradient too, which under plain SGD halves the move.
    """

    def halved(tree):
        return jax.tree.map(lambda x: x / 2, tree)

    terms = pick('adversarial')
    gan = small.smooth_gan(terms)
    state, batch = small.first_state(gan, terms, dtype=np.float64), small.make_batch()
    hyper = small.make_hyper({'adversarial': 1}, **({'g': 0, 'd': 0} | {side: 1}))

    def move(state, **options):
        after, _ = small.compiled(gan, terms, **options)(state, batch, hyper)
        before, after = (getattr(s, side).params for s in (state, after))
        return jax.tree.map(lambda a, b: a - np.asarray(b), before, after)

    at_half = state.replace(
        **{s: net.replace(params=halved(net.params)) for s, net in (('g', state.g), ('d', state.d))}
    )
    found = move(state, gather_params=halved)
    assert small.distance(found, halved(move(at_half))) < 1e-12
    assert small.distance(found, halved(move(state))) > 1e-3


@pytest.mark.slow
def test_d_gradient_is_what_a_step_descends_by(x64):
    """With plain SGD the parameters move by it, times the learning rate."""
    terms = {**TERMS, 'penalty': r1()}
    every = {**dict.fromkeys(TERMS, 1), 'penalty': 4}
    augment = Augment(real='translation(0.4)', critic='translation', view='translation')
    gan = small.make_gan(terms, augment=augment)
    state = small.first_state(gan, terms, dtype=np.float64).replace(step=np.int32(7))
    batch, hyper = small.make_batch(), small.make_hyper({**WEIGHTS, 'penalty': 10.0}, seed=5, d=1)
    after, _ = small.compiled(gan, terms, every=every)(state, batch, hyper)
    key = named(jax.random.key(5), 'step', 7, 'd', 0)
    gradient = small.jit(make_d_gradient(gan, terms, every=every))
    first = jax.tree.map(lambda x: x[0], batch)
    found = gradient(state, first, key, hyper)
    expected = jax.tree.map(lambda a, b: a - np.asarray(b), state.d.params, after.d.params)
    assert small.distance(found, expected) < 1e-12
    assert small.distance(state.d.params, after.d.params) > 0.1
    # Another key draws other latents, and the same key the same.
    assert small.same(found, gradient(state, first, key, hyper))
    assert small.distance(found, gradient(state, first, named(key, 1), hyper)) > 1e-3


# The average of the generator ---------------------------------------------------------------------


@functools.cache
def average_of_a_still_generator():
    """An average that starts elsewhere: the step, its first state and its numbers."""
    ema = Ema(halflife_images=5 * small.BATCH, ramp=0.5)
    gan = small.make_gan(pick('adversarial'), ema=ema)
    start = small.first_state(gan, pick('adversarial'))
    start = start.replace(ema=jax.tree.map(lambda x: x + 1, start.ema))
    step = small.compiled(gan, pick('adversarial'))
    return start, step, small.make_hyper({'adversarial': 1}, g=0)


def test_average_halves_after_its_half_life():
    start, step, hyper = average_of_a_still_generator()

    def away(state):
        return small.distance(state.ema['params'], state.g.params)

    late = taken(step, start.replace(step=np.int32(1000)), hyper, 5)
    assert away(late) == pytest.approx(0.5, rel=1e-5)
    assert away(taken(step, late, hyper, 5)) == pytest.approx(0.25, rel=1e-5)
    # Before: the half-life is half of the images seen, so that the first step counts 1/0.5 of them.
    assert away(taken(step, start, hyper, 1)) == pytest.approx(0.25, rel=1e-5)
    assert away(taken(step, start, hyper, 2)) == pytest.approx(0.25 * 0.5, rel=1e-5)


def test_averages_side_by_side_have_half_lives_of_their_own():
    """Of the config or of `Hyper`; without a ramp the first step counts like any other."""
    averages = {'long': Ema(5 * small.BATCH, math.inf), 'data': Ema(1.0, math.inf)}
    gan = small.make_gan(pick('adversarial'), averages=averages)
    start = small.first_state(gan, pick('adversarial'))
    moved = {n: jax.tree.map(lambda x: x + 1, tree) for n, tree in start.averages.items()}
    hyper = small.make_hyper({'adversarial': 1}, g=0)._replace(
        keywords={'averages.data': {'halflife_images': np.float32(2 * small.BATCH)}}
    )
    step = small.compiled(gan, pick('adversarial'))
    after = taken(step, start.replace(averages=moved), hyper, 2)
    for name, away in {'long': 0.5 ** (2 / 5), 'data': 0.5}.items():
        found = small.distance(after.averages[name]['params'], after.g.params)
        assert found == pytest.approx(away, rel=1e-5)


def test_a_power_average_gives_each_step_its_share_of_the_integral():
    """Step s of t has the weight (s^(gamma + 1) - (s - 1)^(gamma + 1)) / t^(gamma + 1)."""
    gan = small.make_gan(pick('adversarial'), averages={'long': Power(1.5), 'd': Power(1.5)})
    state, step = (
        small.first_state(gan, pick('adversarial')),
        small.compiled(gan, pick('adversarial')),
    )
    seen = []
    for _ in range(3):
        state = taken(step, state, small.make_hyper({'adversarial': 1}), 1)
        seen.append(jax.device_get(state))
    shares = np.diff(np.arange(4) ** 2.5) / 3**2.5
    for name, side in {'long': 'g', 'd': 'd'}.items():
        nets = [getattr(one, side).variables for one in seen]
        expected = jax.tree.map(lambda *xs: np.tensordot(shares, xs, 1).astype(np.float32), *nets)
        assert small.distance(seen[-1].averages[name], expected) < 1e-6
        assert small.distance(nets[0], nets[-1]) > 1e-2


def test_average_holds_the_running_statistics_too():
    start, step, hyper = average_of_a_still_generator()
    after = taken(step, start.replace(step=np.int32(1000)), hyper, 1)
    kept = 0.5 ** (1 / 5)
    expected = jax.tree.map(
        lambda old, new: kept * old + (1 - kept) * new, start.ema, after.g.variables
    )
    assert small.distance(after.ema, expected) < 1e-6
    assert small.distance(after.g.stats, start.g.stats) > 1e-2
