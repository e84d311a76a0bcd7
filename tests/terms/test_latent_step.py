"""LOGAN on players whose gradients are known: by hand, and in NumPy with errors planted in it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.keys import named
from gan_jax.terms import Players
from gan_jax.terms.latent_step import logan, natural_step
from gan_jax.views import View


def outputs(z, d, g, real=(0.0,)):
    """G(z) = g * z as an image of Z pixels, D(x) = sum(d x) + sum(d x^2) / 2."""

    def generate(z, label):
        return {'image': (g * z)[:, None, :, None]}

    def discriminate(image, label):
        x = image[:, 0, :, 0]
        return {'logit': jnp.sum(d * (x + x**2 / 2), axis=1)}

    fake = {'z': z, 'label': np.zeros(len(z), np.int32)}
    players = Players(generate, None, discriminate, None, None)
    return {'fake': fake, 'players': players, 'real': {'logit': jnp.asarray(real)}}


def parts(term, out, side):
    return getattr(term, side).loss(out, {}, jax.random.key(0))[0]


def test_natural_step_by_hand():
    found = natural_step(np.float32([[3, 4], [0, 0], [0, 1]]), 0.5, 25.0)
    np.testing.assert_allclose(found, [[0.03, 0.04], [0, 0], [0, 0.5 / 26]], rtol=1e-6)


def test_by_hand():
    """z = 1, G the identity and D(x) = x + x^2 / 2: g = 2, dz = 0.5 * 2 / (1 + 4) = 0.2."""
    one = np.ones((1, 1), np.float32)
    out = outputs(one, one, one, np.float32([0.25]))
    term = logan(0.5, beta=1.0, rate=1.0)
    judged = 1.2 + 1.2**2 / 2
    assert parts(term, out, 'd') == {
        'real': 0.75,
        'fake': pytest.approx(1 + judged, rel=1e-6),
        'step': pytest.approx(0.04, rel=1e-6),
    }
    assert parts(term, out, 'g') == {
        'fake': pytest.approx(-judged, rel=1e-6),
        'step': pytest.approx(0.04, rel=1e-6),
    }
    bounded = parts(logan(0.5, beta=1.0, rate=1.0, bound=0.5), out, 'g')
    assert bounded['fake'] == pytest.approx(-0.625, rel=1e-6)


def formula(z, d, g, taken, alpha, beta, sign=1, factor=1, stopped=False):
    """D(G(z')) and |dz|^2, and their gradients in g, for D(x) = sum(d (x + x^2 / 2))."""
    slope = d * (1 + g * z) * g  # of D(G(z)) in z
    by_g = d * (1 + 2 * g * z)  # of slope in g, elementwise
    bottom = beta + (slope**2).sum(1, keepdims=True)
    dz = sign * factor * alpha * slope / bottom
    z_moved = np.where(taken, z + dz, z)
    x = g * z_moved
    logit = (d * (x + x**2 / 2)).sum(1).mean()
    # The Jacobian of dz in the slopes: alpha (I / bottom - 2 slope slope^T / bottom^2).
    jacobian = (
        sign
        * factor
        * alpha
        * (
            np.eye(z.shape[1])[None] / bottom[:, :, None]
            - 2 * np.einsum('bi,bj->bij', slope, slope) / bottom[:, :, None] ** 2
        )
    )
    dz_by_g = jacobian * by_g[:, None, :]  # [B, i of dz, j of g]
    if stopped:
        dz_by_g = 0 * dz_by_g
    along = d * (1 + x)  # of D in x
    logit_by_g = along * z_moved + np.einsum('bi,bij->bj', along * g * taken, dz_by_g)
    cost_by_g = np.einsum('bi,bij->bj', 2 * dz, dz_by_g)
    return logit, (dz**2).sum(1).mean(), logit_by_g.mean(0), cost_by_g.mean(0)


@pytest.mark.parametrize('rate', [0.5, 1.0])
def test_is_the_formula_and_tells_it_from_three_errors(rate, x64):
    rng = np.random.default_rng(0)
    z, d, g = (rng.standard_normal((n, 3)) for n in (6, 1, 1))
    taken = np.asarray(jax.random.bernoulli(named(jax.random.key(0), 'taken'), rate, (6, 1)))
    assert rate == 1 or 0 < taken.sum() < 6
    term = logan(0.9, beta=0.3, rate=rate)

    def part(name):
        return jax.value_and_grad(lambda g: parts(term, outputs(z, d, g), 'g')[name])(g)

    (fake, fake_by_g), (step, step_by_g) = part('fake'), part('step')
    found = [-float(fake), float(step), -np.asarray(fake_by_g)[0], np.asarray(step_by_g)[0]]
    right = formula(z, d, g, taken, 0.9, 0.3)
    for one, other in zip(found, right, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-8)
    for error in ({'sign': -1}, {'factor': 2}, {'stopped': True}):
        wrong = formula(z, d, g, taken, 0.9, 0.3, **error)
        far = [np.abs(one - other).max() for one, other in zip(found, wrong, strict=True)]
        assert max(far) > 1e-2, error


def test_the_cost_counts_steps_that_are_not_taken():
    z = np.ones((8, 1), np.float32)
    out = outputs(z, z[:1], z[:1])
    few, all_of_them = (parts(logan(rate=rate), out, 'g') for rate in (0.3, 1.0))
    assert few['step'] == all_of_them['step'] > 0
    assert few['fake'] > all_of_them['fake']


def test_views():
    term = logan()
    assert term.d.views == {'real': View('real')} and term.g.views == {}
    assert term.head is None and term.init() == {}
