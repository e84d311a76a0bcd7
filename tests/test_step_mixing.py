"""Terms that change what D meets in its update, before any view of it is built."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.runtime.errors import PartError
from gan_jax.step import make_train_step
from gan_jax.terms import Objective, Term
from gan_jax.terms.adversarial import hinge
from gan_jax.views import View, rotated
from tests import small

EMPTY = {'image': np.zeros((small.BATCH, *small.SHAPE), np.float32)}


def witness():
    """Keeps the real images that D meets, and G, and a view of them."""
    views = {'real': View('real'), 'turned': View('real', rotated, options=(('turns', 1),))}

    def keep(side):
        def loss(out, state, key):
            kept = {f'{side}_{name}': {'image': out[name]['image']} for name in views}
            return {'all': jnp.mean(out['real']['logit'])}, {**state, **kept}, {}

        return Objective(views, loss)

    names = [f'{side}_{name}' for side in 'dg' for name in views]
    return Term(d=keep('d'), g=keep('g'), init=lambda: dict.fromkeys(names, EMPTY))


def on_reals(change):
    """A term that changes real images: (key, image, state) -> image."""

    def mix(key, sources, state):
        real = sources['real']
        return {**sources, 'real': {**real, 'image': change(key, real['image'], state)}}

    return mix


def stepped(**mixes):
    """The state after a step of hinge beside terms that mix."""
    terms = {'base': hinge(), 'witness': witness()}
    terms |= {name: Term(mix=on_reals(change)) for name, change in mixes.items()}
    gan = small.make_gan(terms)
    state = small.first_state(gan, terms)
    hyper = small.make_hyper(dict.fromkeys(terms, 1.0))
    return jax.device_get(small.compiled(gan, terms)(state, small.make_batch(), hyper)[0])


def seen(state):
    return {name: record['image'] for name, record in state.terms['witness'].items()}


def test_d_meets_mixed_reals_in_every_view_and_g_the_reals_themselves():
    free, mixed = (seen(stepped(**m)) for m in ({}, {'mine': lambda key, x, state: 1 - x}))
    np.testing.assert_allclose(mixed['d_real'], 1 - free['d_real'], rtol=1e-6)
    np.testing.assert_array_equal(mixed['d_turned'], np.rot90(mixed['d_real'], axes=(1, 2)))
    for name in ('g_real', 'g_turned'):
        np.testing.assert_array_equal(mixed[name], free[name])


@pytest.mark.slow
def test_several_terms_mix_in_their_order_each_with_a_key_of_its_own():
    def add(key, x, state):
        return x + jax.random.uniform(key)

    def double(key, x, state):
        return 2 * x

    free = seen(stepped())['d_real']
    first, second = (seen(stepped(**m))['d_real'] for m in ({'a': add}, {'b': add}))
    draws = [(x - free).mean() for x in (first, second)]
    assert abs(draws[0] - draws[1]) > 1e-3
    after, before = (
        seen(stepped(**m))['d_real'] for m in ({'a': add, 'b': double}, {'b': double, 'a': add})
    )
    np.testing.assert_allclose(after, 2 * (free + draws[0]), rtol=1e-5)
    np.testing.assert_allclose(before, 2 * free + draws[0], rtol=1e-5)


def test_a_mix_reads_its_terms_state():
    """Which the loss of D's last update has left."""

    def loss(out, state, key):
        return {'all': jnp.mean(out['real']['logit'])}, {'n': state['n'] + 1}, {}

    counting = Term(
        d=Objective({'real': View('real')}, loss),
        init=lambda: {'n': jnp.float32(3)},
        mix=on_reals(lambda key, x, state: jnp.full_like(x, state['n'])),
    )
    terms = {'base': hinge(), 'witness': witness(), 'counting': counting}
    gan = small.make_gan(terms)
    state, hyper = small.first_state(gan, terms), small.make_hyper(dict.fromkeys(terms, 1.0))
    after, _ = small.compiled(gan, terms)(state, small.make_batch(d_steps=2), hyper)
    assert after.terms['counting']['n'] == 5
    assert np.all(seen(after)['d_real'] == 4)


@pytest.mark.parametrize(
    ('mix', 'words'),
    [
        (lambda key, sources, state: {}, 'its mix returns a tree of another structure than it is'),
        (on_reals(lambda key, x, state: x[:2]), r"at \['real'\]\['image'\] where float32 \[4, 8"),
        (on_reals(lambda key, x, state: x.astype(jnp.float16)), 'its mix returns float16'),
        (lambda key, sources, state: sources['none'], "KeyError: 'none'"),
    ],
)
def test_a_mix_that_returns_something_else_is_refused(mix, words):
    terms = {'base': hinge(), 'mine': Term(mix=mix)}
    gan = small.make_gan(terms)
    arguments = small.first_state(gan, terms), small.make_batch(), small.make_hyper({'base': 1})
    with pytest.raises(PartError, match=f'^config.terms.mine: .*{words}'):
        jax.eval_shape(make_train_step(gan, terms), *arguments)
