"""Consistency as numbers worked out by hand, the sides of each difference, what equals what."""

import jax
import numpy as np
import pytest

from gan_jax.terms import consistency
from gan_jax.terms.adversarial import hinge
from gan_jax.views import View, augmented
from tests import small

LOGITS = {
    'real': np.array([1.0, -2.0], np.float32),
    'real_aug': np.array([0.5, 1.0], np.float32),
    'fake': np.array([3.0, 0.0], np.float32),
    'fake_aug': np.array([3.0, -4.0], np.float32),
}


def parts(logits):
    out = {name: {'logit': logit} for name, logit in logits.items()}
    return consistency.balanced().d.loss(out, {}, None)[0]


def test_balanced():
    # Squares of 0.5 and -3 on the reals, of 0 and 4 on the fakes, averaged over the batch.
    assert parts(LOGITS) == {'real': pytest.approx(4.625), 'fake': pytest.approx(8.0)}


def test_balanced_pulls_both_sides_together():
    grads = jax.grad(lambda logits: sum(parts(logits).values()))(LOGITS)
    np.testing.assert_allclose(grads['real'], [0.5, -3.0])  # 2 (D(x) - D(t(x))) / B
    np.testing.assert_allclose(grads['real_aug'], [-0.5, 3.0])
    np.testing.assert_allclose(grads['fake'], [0.0, 4.0])
    np.testing.assert_allclose(grads['fake_aug'], [0.0, -4.0])


def test_balanced_is_the_discriminators_alone():
    term = consistency.balanced()
    assert term.g is None and term.head is None and term.init() == {}
    assert term.d.views == {
        'real': View('real'),
        'real_aug': View('real', augmented),
        'fake': View('fake'),
        'fake_aug': View('fake', augmented),
    }


def test_cr_is_the_discriminators_alone_and_looks_at_reals_only():
    term = consistency.cr()
    assert term.g is None and term.head is None and term.init() == {}
    assert term.d.views == {'real': View('real'), 'real_aug': View('real', augmented)}
    out = {name: {'logit': logit} for name, logit in LOGITS.items()}
    assert term.d.loss(out, {}, None)[0] == {'real': pytest.approx(4.625)}


# Latent consistency -------------------------------------------------------------------------------


def near(value):
    """One image of one value and a logit of it."""
    return {'image': np.full((1, 2, 2, 1), value, np.float32), 'logit': np.float32([4 * value])}


def test_latent():
    term = consistency.latent()
    out = {'fake': near(0.5), 'fake_near': near(0.75)}
    assert term.d.loss(out, {}, None)[0] == {'dis': pytest.approx(1.0)}
    # A quarter of [0, 1] is half of [-1, 1]; the mean over pixels does not depend on their number.
    assert term.g.loss(out, {}, None)[0] == {'gen': pytest.approx(-0.25)}
    assert term.d.views == {'fake': View('fake'), 'fake_near': View('fake_near')}
    assert term.g.views == {} and term.head is None and term.init() == {}


@pytest.mark.parametrize('factory', [consistency.latent, consistency.improved])
def test_latents_are_moved_by_noise_of_sigma(factory):
    z = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
    noise = jax.random.normal(jax.random.key(1), z.shape)
    for options, sigma in (({}, 0.03), ({'sigma': 0.05}, 0.05)):
        (move,) = factory(**options).latents.values()
        np.testing.assert_allclose(move(jax.random.key(1), z) - z, sigma * noise, atol=1e-6)


# What equals what, through the whole step ---------------------------------------------------------


def players(**played):
    """weights by term -> D's and G's parameters after one step of a hinge game with the terms."""
    terms = {'adversarial': hinge(), **played}
    gan = small.make_gan(terms)
    state, batch = small.first_state(gan, terms, dtype=np.float64), small.make_batch()
    step = small.compiled(gan, terms)

    def after(**weights):
        moved, _ = step(state, batch, small.make_hyper({'adversarial': 1, **weights}))
        return moved.d.params, moved.g.params

    return after


@pytest.mark.slow
def test_cr_is_balanced_without_fakes(x64):
    reals = players(term=consistency.cr())(term={'real': 10})
    balanced = players(term=consistency.balanced())
    assert small.distance(reals, balanced(term={'real': 10, 'fake': 0})) < 1e-12
    assert small.distance(reals, balanced(term={'real': 10, 'fake': 10})) > 1e-3


@pytest.mark.slow
def test_improved_is_balanced_and_latent(x64):
    images, latents = {'real': 10, 'fake': 8}, {'dis': 500, 'gen': 50}
    both = players(bcr=consistency.balanced(), zcr=consistency.latent())(bcr=images, zcr=latents)
    improved = players(icr=consistency.improved())
    assert small.distance(improved(icr=images | latents), both) < 1e-12
    for player, without in ((0, {'dis': 0}), (1, {'gen': 0})):
        other = improved(icr=images | latents | without)
        assert small.distance(other[player], both[player]) > 1e-3
