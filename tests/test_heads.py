"""Heads run on the views of their terms alone, and everything else is as if they ran on all."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import views
from gan_jax.critique import discriminate
from gan_jax.keys import named
from gan_jax.models.critic import Critic
from gan_jax.players import Keys, d_gradient, g_gradient, make_losses
from gan_jax.routing import latents_of, outputs_per_term, route_views
from gan_jax.sources import generated_images, real_images
from gan_jax.terms import total
from gan_jax.terms.adversarial import hinge
from gan_jax.terms.consistency import balanced
from gan_jax.terms.contrastive import cntr, contrad
from gan_jax.terms.labels import acgan
from gan_jax.terms.momentum import byol, moco
from gan_jax.terms.penalty import r1
from gan_jax.views import View, augmented
from tests import small

pytestmark = pytest.mark.usefixtures('quick')

# Equal to a head on all views -------------------------------------------------------------------

METHODS = {
    'bcr_cntr': {'bcr': balanced(), 'cntr': cntr(hidden=4, size=3)},
    'the logit that plays': {'game': contrad(hidden=4, size=3), 'r1': r1(of='game')},
    'classes of penalised reals': {'classes': acgan(num_classes=small.CLASSES), 'r1': r1()},
    'by an average': {'moco': moco(queue=8, hidden=4, size=3), 'byol': byol(hidden=4, size=3)},
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ('name', 'joint'),
    [
        ('bcr_cntr', True),
        ('classes of penalised reals', True),
        pytest.param('classes of penalised reals', False, marks=pytest.mark.slow),
        pytest.param('the logit that plays', True, marks=pytest.mark.slow),
        pytest.param('by an average', False, marks=pytest.mark.slow),
    ],
)
def test_losses_and_gradients_are_those_of_heads_on_all_views(name, joint, x64):
    terms = {'adversarial': hinge(), **METHODS[name]}
    gan = small.make_gan(terms, joint=joint)
    state = small.first_state(gan, terms, dtype=np.float64)
    hyper = small.make_hyper(dict.fromkeys(terms, 0.7))
    batch = jax.tree.map(lambda x: x[0], small.make_batch())
    keys = Keys(small.new_key(1), small.new_key(2))
    losses = make_losses(gan, terms)

    @small.jit
    def both(state):
        return {side: ours(losses, side, state, batch, keys, hyper) for side in 'dg'}

    @small.jit
    def expected(state):
        return {side: on_all(gan, terms, side, state, batch, keys, hyper) for side in 'dg'}

    found, wanted = both(state), expected(state)
    assert small.distance(found, wanted) < 1e-12
    for side in 'dg':
        assert small.distance(wanted[side][0], jax.tree.map(jnp.zeros_like, wanted[side][0])) > 1e-2


def ours(losses, side, state, batch, keys, hyper):
    gradient = {'d': d_gradient, 'g': g_gradient}[side]
    moved, grads, metrics = gradient(losses, state, batch, keys, hyper)
    return grads[side], (metrics, moved.terms)


def on_all(gan, terms, side, state, batch, keys, hyper):
    """The gradient, the parts and the terms' states of one player, every head on every view."""
    routing, key = route_views(terms, side, gan.augment.view), keys.update
    real = real_images(gan, batch, keys.real, hyper)

    def seen(variables, shown):
        """A pass for each view, or its part of one pass: no layer looks across the batch."""
        image, label = (views.join([r[k] for r in shown.values()]) for k in ('image', 'label'))
        out = gan.critic.apply(variables, image, label, train=True, mutable=['batch_stats'])[0]
        return {
            view: {**record, **jax.tree.map(lambda x, i=i: views.split(x, len(shown))[i], out)}
            for i, (view, record) in enumerate(shown.items())
        }

    def loss(params):
        own = getattr(state, side).replace(params=params)
        now = state.replace(**{side: own})
        fakes, _ = generated_images(gan, latents_of(terms), now.g, key, real)
        sources = {'real': real, **fakes}
        records = views.build_views(
            (*routing.views, *routing.targets), named(key, 'view'), sources, hyper.strength, {}
        )
        outputs = seen(now.d.variables, {v: records[v] for v in routing.views})
        for view, logits in routing.with_dx.items():

            def summed(wide, head, output, record=records[view]):
                out = gan.critic.apply(
                    now.d.variables,
                    *((wide + 1) / 2, record['label']),
                    train=True,
                    mutable=['batch_stats'],
                )[0]
                return (out[head] if head else out)[output].sum()

            wide = 2 * records[view]['image'] - 1
            outputs[view]['dx'] = {of: jax.grad(summed)(wide, *of) for of in logits}
        targets = {}
        if routing.targets:
            targets = seen(state.averages['d'], {v: records[v] for v in routing.targets})
            targets = jax.lax.stop_gradient(targets)
        out = outputs_per_term(routing, outputs, sources, targets)
        value, states, metrics = total(terms, hyper.weights, side, out, state.terms, key)
        return value, (metrics, states)

    return jax.grad(loss, has_aux=True)(getattr(state, side).params)


@pytest.mark.slow
def test_the_comparison_notices_a_head_on_a_neighbouring_view(x64, monkeypatch):
    right = views.choose
    monkeypatch.setattr(
        views, 'choose', lambda x, count, which: right(x, count, [(i + 1) % count for i in which])
    )
    with pytest.raises(AssertionError, match='1e-12'):
        test_losses_and_gradients_are_those_of_heads_on_all_views('bcr_cntr', True, None)


# The views on which they run ---------------------------------------------------------------------

VIEWS = (View('real'), View('fake'), View('real', augmented, 'translation'))


class Counting(nn.Module):
    """A head that counts the images that it meets, and gives them numbers."""

    @nn.compact
    def __call__(self, features, label, *, train):
        count = self.variable('counts', 'images', lambda: jnp.float32(0))
        if train and not self.is_initializing():
            count.value += len(features)
        return {'sum': nn.Dense(1)(features)[:, 0], 'label': label}


CRITIC = Critic(small.Trunk(spectral=False), {'mine': Counting(), 'other': Counting()})
RECORDS = {
    view: {
        'image': np.random.default_rng(i).random((3, *small.SHAPE)).astype('float32'),
        'label': np.arange(3, dtype=np.int32) + 3 * i,
    }
    for i, view in enumerate(VIEWS)
}


@pytest.fixture(scope='module')
def variables():
    start = jax.eval_shape(
        lambda: CRITIC.init(jax.random.key(0), *RECORDS[VIEWS[0]].values(), train=True)
    )
    drawn = small.numbers(start, np.random.default_rng(0), np.float32)
    return {**drawn, 'counts': jax.tree.map(jnp.zeros_like, drawn['counts'])}


def counts(after):
    return {head: int(after['counts'][f'heads_{head}']['images']) for head in ('mine', 'other')}


@pytest.mark.parametrize('joint', [True, False])
@pytest.mark.parametrize('own', [VIEWS[1:2], VIEWS[::2], VIEWS])
def test_a_head_meets_its_views_and_their_labels_and_no_other(variables, own, joint):
    everywhere, _ = discriminate(CRITIC, variables, RECORDS)
    seen, after = discriminate(CRITIC, variables, RECORDS, heads={'mine': own}, joint=joint)
    for view in VIEWS:
        assert ('mine' in seen[view], 'other' in seen[view]) == (view in own, False)
        np.testing.assert_allclose(seen[view]['logit'], everywhere[view]['logit'], atol=1e-6)
    for view in own:
        np.testing.assert_array_equal(seen[view]['mine']['label'], RECORDS[view]['label'])
        expected = everywhere[view]['mine']['sum']
        np.testing.assert_allclose(seen[view]['mine']['sum'], expected, rtol=1e-5, atol=1e-6)
    # Without one pass for all views the collections are those after its first.
    assert counts(after) == {'mine': 3 * len(own) if joint else 3, 'other': 0}


@pytest.mark.parametrize('joint', [True, False])
def test_a_head_that_the_first_pass_does_not_run_is_moved_by_the_first_that_does(variables, joint):
    heads = {'mine': VIEWS[1:], 'other': VIEWS[:1]}
    options = {
        'with_dx': {view: {('', 'logit')} for view in VIEWS[1:]},
        'heads': heads,
        'joint': joint,
    }
    _, after = discriminate(CRITIC, variables, RECORDS, **options)
    assert counts(after) == {'mine': 6 if joint else 3, 'other': 3}


def test_parameters_and_their_first_values_do_not_depend_on_where_heads_run(variables):
    """Every head is there from the start, also one that no pass runs."""
    bare = Critic(small.Trunk(spectral=False))
    seen, after = discriminate(CRITIC, variables, RECORDS, heads={})
    params = {k: variables['params'][k] for k in ('trunk', 'logit')}
    rest = {'batch_stats': {'logit': variables['batch_stats']['logit']}}
    expected, _ = discriminate(bare, {'params': params, **rest}, RECORDS)
    assert all(small.same(seen[view], expected[view]) for view in VIEWS)
    assert small.same(after['counts'], variables['counts'])


@pytest.mark.slow
def test_a_step_without_the_term_leaves_its_head_alone():
    """As in the steps between those of a term's `every`."""
    terms = {'adversarial': hinge(), 'classes': acgan(num_classes=small.CLASSES)}
    gan = small.make_gan(terms)
    state, hyper = small.first_state(gan, terms), small.make_hyper(dict.fromkeys(terms, 1.0))
    batch, key = jax.tree.map(lambda x: x[0], small.make_batch()), small.new_key(0)

    def moved(acting):
        losses = make_losses(gan, {name: terms[name] for name in acting})
        run = small.jit(lambda: d_gradient(losses, state, batch, Keys(key, key), hyper)[0].d.stats)
        after = run()['batch_stats']
        before = state.d.stats['batch_stats']
        return [name for name in before if not small.same(after[name], before[name])]

    assert moved(['adversarial']) == ['logit', 'trunk']
    assert moved(['adversarial', 'classes']) == ['heads_classes', 'logit', 'trunk']
