"""What the step hands to a term, against the networks called by hand on draws made by name."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.augment import policy
from gan_jax.benchmark.flops import trace
from gan_jax.gan import Augment
from gan_jax.keys import named
from gan_jax.models.critic import Critic
from gan_jax.players import make_losses, player_loss
from gan_jax.step import make_train_step
from gan_jax.terms import Objective, Term
from gan_jax.terms.adversarial import hinge
from gan_jax.terms.consistency import balanced as bcr
from gan_jax.testing.trees import central_difference, directions, inner
from gan_jax.views import View, augmented
from tests import small

STEP, SEED, STRENGTH = 3, 5, 0.25


def nearby(key, z):
    return z + 0.1 * jax.random.normal(key, z.shape)


def again(key, sources, policy, strength):
    """The same pixels in a view that does not equal the plain one."""
    return sources['own']


def probe():
    """A term that moves nobody and keeps what it was handed, and in which order."""
    d_views = {'near': View('fake_near', augmented, 'flip'), 'real': View('real')}
    d_views['twin'] = View('real', again)
    empty = {'order': np.int32(0), 'd': {}, 'g': {}}

    def record(side, digit, out, state, key):
        order = 10 * state['order'] + digit
        return {'none': jnp.float32(0)}, {**state, 'order': order, side: out}, {'order': order}

    return Term(
        d=Objective(d_views, functools.partial(record, 'd', 1)),
        g=Objective({'fake': View('fake')}, functools.partial(record, 'g', 2)),
        latents={'fake_near': nearby},
        init=lambda: empty,
    )


@functools.cache
def one_step():
    """Three D updates and one of G, with every augmentation there is; D stands still."""
    terms = {'adversarial': hinge(), 'probe': probe()}
    augment = Augment(real='translation(0.4)', critic='translation')
    gan = small.make_gan(terms, augment=augment)
    state = small.first_state(gan, terms, dtype=np.float64).replace(step=np.int32(STEP))
    batch = small.make_batch(d_steps=3)
    hyper = small.make_hyper({'adversarial': 1, 'probe': 1}, seed=SEED, strength=STRENGTH, d=0)
    after, metrics = small.compiled(gan, terms)(state, batch, hyper)
    return gan, state, batch, after, metrics


@functools.cache
def by_hand():
    """What terms should have been handed in the third D update and in G's."""
    gan, state, batch, *_ = one_step()
    shift, shift_reals, flip = map(policy.parse, ('translation', 'translation(0.4)', 'flip'))

    def generate(z, label):
        return gan.generator.apply(state.g.variables, z, label, train=True, mutable=['batch_stats'])

    def look(stats, key, source, images):
        shown = shift(named(key, 'critic', source), images, STRENGTH)
        variables, label = {'params': state.d.params, **stats}, jnp.zeros(len(images), jnp.int32)
        out, after = gan.critic.apply(variables, shown, label, train=True, mutable=['batch_stats'])
        return out['logit'], after

    def update(side_key, stats, reals):
        z = jax.random.normal(named(side_key, 'z'), (small.BATCH, small.LATENT))
        label = jax.random.randint(
            named(side_key, 'label'), (small.BATCH,), 0, small.CLASSES, np.int32
        )
        fake, g_stats = generate(z, label)
        moved = nearby(named(side_key, 'latent', 'fake_near'), z)
        near, _ = generate(moved, label)
        flipped = flip(
            named(side_key, 'view', 'fake_near gan_jax.views.augmented flip 0'), near, STRENGTH
        )
        seen = {'real': ('real', reals), 'near': ('fake_near', flipped), 'fake': ('fake', fake)}
        logits = {name: look(stats, side_key, *of)[0] for name, of in seen.items()}
        return {
            'images': {'real': reals, 'fake': fake, 'fake_near': near, 'near': flipped},
            'z': {'fake': z, 'fake_near': moved},
            'logits': logits,
            'label': label,
            'g_stats': g_stats,
        }

    @small.jit
    def both(batch):
        key = named(jax.random.key(SEED), 'step', STEP)
        d_key, g_key = named(key, 'd', 2), named(key, 'g')
        images = batch['image'][2].astype(float) / 255
        reals = shift_reals(named(d_key, 'real'), images, 0.0)
        stats = [state.d.stats]
        for seen in batch['image'].astype(float) / 255:
            stats.append(look(stats[-1], d_key, 'real', seen)[1])
        return update(d_key, stats[-2], reals), update(g_key, stats[-1], reals)

    return both(batch)


@pytest.mark.slow
@pytest.mark.parametrize(
    ('side', 'names'),
    [
        pytest.param('d', ('real', 'fake', 'fake_near', 'near'), marks=pytest.mark.slow),
        ('g', ('real', 'fake', 'fake_near')),
    ],
)
def test_images_and_labels_of_every_source(side, names, x64):
    """G meets the reals of the last D update; a latent's images come from a G call of their own."""
    _, _, batch, after, _ = one_step()
    out, expected = after.terms['probe'][side], dict(zip('dg', by_hand(), strict=True))[side]
    for name in names:
        image = expected['images'][name]
        np.testing.assert_allclose(out[name]['image'], image, rtol=1e-12, err_msg=name)
        label = batch['label'][-1] if name == 'real' else expected['label']
        np.testing.assert_array_equal(out[name]['label'], label, err_msg=name)
        if name == 'real':
            np.testing.assert_array_equal(out[name]['index'], batch['index'][-1])
        if name in expected['z']:
            z = expected['z'][name]
            np.testing.assert_allclose(out[name]['z'], z, rtol=1e-12, err_msg=name)
    # Each of them is another picture.
    images = [np.asarray(out[name]['image']) for name in names]
    assert all(np.abs(a - b).max() > 1e-2 for i, a in enumerate(images) for b in images[:i])


@pytest.mark.slow
def test_logits_are_of_what_the_critic_is_shown(x64):
    """Two views of one source meet the same draw of the critic's augmentation."""
    *_, after, _ = one_step()
    (expected, expected_g), out = by_hand(), after.terms['probe']
    for name in ('real', 'near'):
        logit = expected['logits'][name]
        np.testing.assert_allclose(out['d'][name]['logit'], logit, rtol=1e-10, err_msg=name)
    np.testing.assert_array_equal(out['d']['twin']['logit'], out['d']['real']['logit'])
    np.testing.assert_allclose(out['g']['fake']['logit'], expected_g['logits']['fake'], rtol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize('own', [True, pytest.param(False, marks=pytest.mark.slow)])
def test_g_meets_reals_of_its_own_or_those_of_ds_last_update(own, x64):
    """R3GAN's step: own reals and draws, fakes of the reals' classes by index in each update."""
    terms = {'adversarial': hinge(), 'probe': probe()}
    options = {'paired_labels': True, 'g_reals': 'own' if own else 'last'}
    gan = small.make_gan(terms, augment=Augment(real='translation(0.4)'), **options)
    state = small.first_state(gan, terms, dtype=np.float64)
    batch = small.make_batch(d_steps=2 + own)
    hyper = small.make_hyper({'adversarial': 1, 'probe': 1}, seed=SEED)
    after, metrics = small.compiled(gan, terms)(state, batch, hyper)
    assert metrics['g/probe/order'] == 112  # two updates of D, one of G
    key, shift = named(jax.random.key(SEED), 'step', 0), policy.parse('translation(0.4)')
    g_key = named(key, 'g') if own else named(key, 'd', 1)
    rows = {'d': (1, named(key, 'd', 1)), 'g': (2 if own else 1, g_key)}
    for side, (row, real_key) in rows.items():
        out = after.terms['probe'][side]
        np.testing.assert_array_equal(out['real']['index'], batch['index'][row])
        for source in ('real', 'fake', 'fake_near'):
            np.testing.assert_array_equal(out[source]['label'], batch['label'][row])
        image = batch['image'][row].astype(float) / 255
        expected = shift(named(real_key, 'real'), image, 0.0)
        np.testing.assert_allclose(out['real']['image'], expected, rtol=1e-12)
    z = jax.random.normal(named(key, 'g', 'z'), (small.BATCH, small.LATENT))
    np.testing.assert_allclose(after.terms['probe']['g']['fake']['z'], z, rtol=1e-12)


class Pixels(nn.Module):
    """The pixels that D is shown as its features."""

    @nn.compact
    def __call__(self, image, *, train):
        return image.reshape(len(image), -1)


def shown(shared):
    """What the critic's augmentation makes of one batch as reals and as fakes, by source."""

    def d(out, state, key):
        seen = {name: out[name]['features'] for name in ('real', 'twin', 'fake')}
        return {'none': jnp.float32(0)}, seen, {}

    seen = {'real': View('real'), 'twin': View('real', again), 'fake': View('fake')}
    terms = {'seen': Term(d=Objective(seen, d))}
    gan = small.make_gan(terms, critic=Critic(Pixels(), {}))
    gan = gan._replace(augment=Augment(critic='translation', shared=shared))
    state, hyper = small.first_state(gan, terms), small.make_hyper({'seen': 1})
    record = {'image': small.make_batch()['image'][0] / np.float32(255), 'label': np.zeros(4, int)}
    sources = {'real': record, 'fake': record}
    losses, key = make_losses(gan, terms), named(jax.random.key(SEED), 'update')
    run = small.jit(lambda state: player_loss(losses, 'd', state, sources, key, hyper)[1][1])
    pixels = run(state)['seen']
    np.testing.assert_array_equal(pixels['twin'], pixels['real'])
    return jax.tree.map(lambda x: x.reshape(-1, *small.SHAPE), pixels), record['image'], key


@pytest.mark.slow
def test_reals_and_fakes_share_the_critics_draws_by_index_or_have_their_own():
    own, image, key = shown(False)
    translated = policy.parse('translation')
    for source in ('real', 'fake'):
        expected = translated(named(key, 'critic', source), image, STRENGTH)
        np.testing.assert_array_equal(own[source], expected)
    assert np.abs(own['real'] - own['fake']).max() > 0.1
    both, *_ = shown(True)
    np.testing.assert_array_equal(both['real'], both['fake'])
    # One draw for each image, not one for all.
    alone = translated(named(key, 'critic'), np.repeat(image[:1], 4, axis=0), STRENGTH)
    assert len({one.tobytes() for one in np.asarray(alone)}) > 1
    np.testing.assert_array_equal(both['real'], translated(named(key, 'critic'), image, STRENGTH))


def test_only_declared_views_have_outputs(x64):
    out = one_step()[3].terms['probe']
    for side, seen in (('d', {'real', 'near', 'twin'}), ('g', {'fake'})):
        sources = {'real', 'fake', 'fake_near'}
        assert out[side].keys() == seen | sources
        for name, record in out[side].items():
            outputs = {'logit', 'features'} if name in seen else set()
            outputs |= {'index'} if name in ('real', 'twin') else {'z'}
            assert record.keys() == {'image', 'label'} | outputs


def test_the_index_costs_nothing_where_no_term_reads_it():
    terms = {'adversarial': hinge(), 'twins': bcr()}
    gan, batch = small.make_gan(terms), small.make_batch()
    step, state = make_train_step(gan, terms, unroll=True), small.first_state(gan, terms)
    hyper, without = small.make_hyper({'adversarial': 1, 'twins': 1}), {**batch}
    del without['index']
    with_index, bare = (trace(step, state, one, hyper) for one in (batch, without))
    assert str(with_index.eqns) == str(bare.eqns)
    assert 'conv_general_dilated' in str(bare.eqns)


def test_running_statistics_follow_the_plain_fakes(x64):
    assert small.distance(one_step()[3].g.stats, by_hand()[1]['g_stats']) < 1e-12


def test_state_goes_through_d_first_and_then_g(x64):
    *_, after, metrics = one_step()
    assert after.terms['probe']['order'] == 1112
    assert metrics['d/probe/order'] == (1 + 11 + 111) / 3  # the mean over D's updates
    assert metrics['g/probe/order'] == 1112
    assert metrics.keys() == {
        *('d/adversarial/real', 'd/adversarial/fake', 'g/adversarial/fake'),
        *('d/probe/none', 'd/probe/order', 'g/probe/none', 'g/probe/order'),
        *('d/grad_norm', 'd/update_norm', 'g/grad_norm', 'g/update_norm'),
    }


# Gradients that the losses read, and that flow through what D is shown ----------------------------


def r1():
    """The squared gradient at the reals (Mescheder et al. 2018, arXiv 1801.04406), halved."""

    def d(out, state, key):
        squares = jnp.sum(out['real']['dx'] ** 2, axis=(1, 2, 3))
        return {'real': jnp.mean(squares) / 2}, state, {}

    return Term(d=Objective({'real': View('real')}, d, input_grads=('real',)))


@functools.cache
def penalised():
    terms = {'adversarial': hinge(), 'penalty': r1()}
    gan = small.smooth_gan(terms, augment=Augment(critic='translation'))
    state = small.first_state(gan, terms, dtype=np.float64)
    return gan, state, small.compiled(gan, terms)


def test_penalty_is_of_the_gradient_at_the_image(x64):
    gan, state, step = penalised()
    batch = small.make_batch()
    _, metrics = step(state, batch, small.make_hyper({'adversarial': 1, 'penalty': 1}))
    key = named(jax.random.key(0), 'step', 0, 'd', 0, 'critic', 'real')

    @small.jit
    def penalty(wide):
        def logit(wide):
            shown = policy.parse('translation')(key, (wide + 1) / 2, STRENGTH)
            return gan.critic.apply(state.d.variables, shown, batch['label'][0], train=True)[
                'logit'
            ].sum()

        return jnp.mean(jnp.sum(jax.grad(logit)(wide) ** 2, axis=(1, 2, 3))) / 2

    wide = 2 * (batch['image'][0] / 255) - 1
    assert float(metrics['d/penalty/real']) == pytest.approx(float(penalty(wide)), rel=1e-9)


@pytest.mark.parametrize(('side', 'metric'), [('d', 'd/penalty/real'), ('g', 'g/adversarial/fake')])
def test_second_derivatives_reach_d_and_the_shown_images_gradient_g(side, metric, x64):
    _, state, step = penalised()
    weights = {'adversarial': float(side == 'g'), 'penalty': 1}
    hyper = small.make_hyper(weights, **({'g': 0, 'd': 0} | {side: 1}))

    def value(params):
        net = getattr(state, side).replace(params=params)
        return float(step(state.replace(**{side: net}), small.make_batch(), hyper)[1][metric])

    before = getattr(state, side).params
    after = getattr(step(state, small.make_batch(), hyper)[0], side).params
    grads = jax.tree.map(lambda a, b: np.asarray(a) - np.asarray(b), before, after)
    for where, direction in directions(before):
        slope = central_difference(value, before, direction, 1e-5)
        np.testing.assert_allclose(
            inner(grads, direction), slope, rtol=1e-6, atol=1e-8, err_msg=where
        )
    assert max(np.abs(g).max() for g in jax.tree.leaves(grads)) > 1e-3
