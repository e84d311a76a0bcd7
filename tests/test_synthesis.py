"""A generator with noise that returns a record, D's inner maps, and the players as functions."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.gan import Augment
from gan_jax.keys import named, streams
from gan_jax.models.critic import Critic
from gan_jax.runtime.errors import PartError
from gan_jax.sampling.generate import BATCH, make_generate
from gan_jax.step import make_train_step
from gan_jax.synthesis import synthesize
from gan_jax.terms import Objective, Term
from gan_jax.terms.adversarial import hinge
from gan_jax.views import View
from tests import small


class Noisy(nn.Module):
    """A mapping from z to w, and a synthesis from w with noise for each value of an image."""

    def setup(self):
        self.mapping, self.body = nn.Dense(4), nn.Dense(int(np.prod(small.SHAPE)))

    def __call__(self, z, label, *, train):
        w = self.mapping(z)
        return {**self.synthesize(w, label, train=train), 'w': w}

    def synthesize(self, w, label, *, train):
        noise = jax.random.normal(self.make_rng('noise'), (len(w), *small.SHAPE))
        return {'image': jax.nn.sigmoid(self.body(w).reshape(noise.shape) + 0.3 * noise)}


class Mapped(nn.Module):
    """A trunk with an inner map, and dropout between."""

    @nn.compact
    def __call__(self, image, *, train):
        map_8 = nn.Conv(3, (3, 3))(image)
        flat = nn.Dropout(0.5, deterministic=not train)(map_8.reshape(len(image), -1))
        return {'features': nn.Dense(6)(flat), 'map_8': map_8}


def keeps(side_names):
    """A term that keeps named entries of what it is handed, and moves nobody."""

    def loss(side, out, state, key):
        kept = {f'{view}/{name}': out[view][name] for view, name in side_names[side]}
        return {'none': jnp.float32(0)}, {**state, side: kept}, {}

    views = {'real': View('real'), 'fake': View('fake')}
    return Term(
        d=Objective(views, functools.partial(loss, 'd')),
        g=Objective({'fake': View('fake')}, functools.partial(loss, 'g')),
        init=lambda: {'d': {}, 'g': {}},
    )


@functools.cache
def stepped():
    seen = {
        'd': (
            ('fake', 'w'),
            ('fake', 'z'),
            ('fake', 'image'),
            ('real', 'map_8'),
            ('real', 'image'),
        ),
        'g': (('fake', 'w'), ('fake', 'z'), ('fake', 'image')),
    }
    terms = {'base': hinge(), 'keeps': keeps(seen)}
    gan = small.make_gan(terms, generator=Noisy(), critic=Critic(Mapped(), {}, small.PlainLogit()))
    hyper = small.make_hyper({'base': 1, 'keeps': 1}, g=0, d=0)
    state = small.first_state(gan, terms)
    after, _ = small.jit(make_train_step(gan, terms))(state, small.make_batch(), hyper)
    return gan, state, jax.device_get(after.terms['keeps'])


def test_what_a_generator_returns_rides_with_its_images():
    gan, state, kept = stepped()
    for side in 'dg':
        w = gan.generator.apply(
            state.g.variables, kept[side]['fake/z'], method=lambda net, z: net.mapping(z)
        )
        np.testing.assert_allclose(kept[side]['fake/w'], w, rtol=1e-6)


def test_noise_is_drawn_anew_in_each_update_and_for_each_image():
    gan, state, kept = stepped()

    def noise(side):
        plain = gan.generator.apply(
            state.g.variables, kept[side]['fake/w'], method=lambda net, w: net.body(w)
        )
        image = np.asarray(kept[side]['fake/image'], np.float64)
        return (np.log(image / (1 - image)) - plain.reshape(image.shape)) / 0.3

    d, g = noise('d'), noise('g')
    assert abs(d.mean()) < 0.15 and 0.8 < d.std() < 1.2
    assert np.abs(d - g).max() > 0.5 and np.abs(d[0] - d[1]).max() > 0.5


def test_an_inner_map_is_an_output_by_its_name():
    _, state, kept = stepped()
    conv = state.d.params['trunk']['Conv_0']
    expected = jax.lax.conv_general_dilated(
        kept['d']['real/image'],
        conv['kernel'],
        (1, 1),
        'SAME',
        dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    )
    np.testing.assert_allclose(
        kept['d']['real/map_8'], expected + conv['bias'][None, None, None], rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize('name', ['logit', 'label', 'image'])
def test_an_inner_map_cannot_take_the_name_of_another_output(name):
    class Trunk(nn.Module):
        @nn.compact
        def __call__(self, image, *, train):
            return {'features': nn.Dense(2)(image.reshape(len(image), -1)), name: image}

    arguments = jax.random.key(0), jnp.zeros((2, *small.SHAPE)), jnp.zeros(2, jnp.int32)
    with pytest.raises(ValueError, match=f"a map of D cannot be called '{name}'"):
        jax.eval_shape(lambda: Critic(Trunk()).init(*arguments, train=True))


def test_a_record_without_an_image_is_refused():
    class Blind(nn.Module):
        def __call__(self, z, label, *, train):
            return {'w': z}

    z, label = jnp.zeros((2, 3)), jnp.zeros(2, jnp.int32)
    with pytest.raises(PartError, match="config.generator: the 'image' of what it returns"):
        synthesize(Blind(), {}, z, label, jax.random.key(0), train=True)


# Sampling -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_image_keeps_its_noise_whatever_is_drawn_with_it():
    gan, state, _ = stepped()
    draw = make_generate(gan.generator, latent_dim=small.LATENT, class_counts=(1,) * small.CLASSES)
    alone = np.concatenate([*draw(state.ema, 3, [BATCH + 7])])
    among = np.concatenate([*draw(state.ema, 3, np.arange(2 * BATCH))])
    np.testing.assert_array_equal(alone[0], among[BATCH + 7])
    assert np.abs(among[7].astype(int) - among[BATCH + 7]).max() > 5
    other_seed = np.concatenate([*draw(state.ema, 4, [BATCH + 7])])
    assert np.abs(alone[0].astype(int) - other_seed[0]).max() > 5


# The players as functions -------------------------------------------------------------------------


def measured(side):
    """A term whose part is a number of both networks, as functions."""

    def loss(out, state, key):
        players, fake = out['players'], out['fake']
        image = players.generate(fake['z'], fake['label'])['image']
        again = players.synthesize(fake['w'], fake['label'])['image']
        logit = players.discriminate(image + again, fake['label'])['logit']
        return {'all': jnp.mean(logit**2)}, state, {}

    return Term(**{side: Objective({}, loss, players=True)})


@pytest.mark.slow
@pytest.mark.parametrize('side', [pytest.param('d', marks=pytest.mark.slow), 'g'])
def test_the_gradient_of_the_functions_is_the_sides_own(side, x64):
    """The step moves the player by the slope of the same number, computed by hand."""
    terms = {'base': hinge(), 'mine': measured(side)}
    gan = small.make_gan(terms, generator=Noisy(), critic=Critic(Mapped(), {}, small.PlainLogit()))
    state = small.first_state(gan, terms, dtype=np.float64)
    hyper = small.make_hyper({'base': 0, 'mine': 1}, **({'g': 0, 'd': 0} | {side: 1}))
    after, metrics = small.jit(make_train_step(gan, terms))(state, small.make_batch(), hyper)
    key = named(jax.random.key(0), 'step', 0, *(('d', 0) if side == 'd' else ('g',)))
    z = jax.random.normal(named(key, 'z'), (small.BATCH, small.LATENT))
    label, own = jnp.zeros(small.BATCH, jnp.int32), named(key, 'term', 'mine')

    def value(params):
        g, d = (getattr(state, s).params if s != side else params for s in 'gd')
        rngs = streams(named(own, 'generate'))
        made = gan.generator.apply({'params': g}, z, label, train=True, rngs=rngs)
        again = gan.generator.apply(
            {'params': g}, made['w'], label, train=True, rngs=rngs, method='synthesize'
        )
        shown = made['image'] + again['image']
        rngs = streams(named(own, 'discriminate'))
        return jnp.mean(
            gan.critic.apply({'params': d}, shown, label, train=True, rngs=rngs)['logit'] ** 2
        )

    before = getattr(state, side).params
    expected, slope = jax.value_and_grad(value)(before)
    assert float(metrics[f'{side}/mine/all']) == pytest.approx(float(expected), rel=1e-9)
    moved = jax.tree.map(lambda a, b: a - b, before, getattr(after, side).params)
    assert small.distance(moved, slope) < 1e-12
    assert max(np.abs(x).max() for x in jax.tree.leaves(slope)) > 1e-3


@pytest.mark.slow
def test_what_the_functions_show_d_is_augmented_as_the_fakes_are(x64):
    """Two looks at one batch of fakes give one logit: by the pass of all views, and by hand."""

    def loss(out, state, key):
        fake = out['fake']
        again = out['players'].discriminate(fake['image'], fake['label'])['logit']
        return {'apart': jnp.mean((again - fake['logit']) ** 2)}, state, {}

    mine = Term(d=Objective({'fake': View('fake')}, loss, players=True))
    terms = {'base': hinge(), 'mine': mine}
    state = None
    for critic in ('translation', ''):
        gan = small.smooth_gan(terms, augment=Augment(critic=critic))
        state = state or small.first_state(gan, terms, dtype=np.float64)
        hyper = small.make_hyper({'base': 1, 'mine': 1})
        _, metrics = small.jit(make_train_step(gan, terms))(state, small.make_batch(), hyper)
        assert float(metrics['d/mine/apart']) < 1e-20
