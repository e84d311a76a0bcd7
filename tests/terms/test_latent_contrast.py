"""Cntr between neighbouring latents: by hand, in NumPy with errors planted in it, its latents."""

import jax
import numpy as np
import pytest

from gan_jax.terms.contrastive import ProjectionHead
from gan_jax.terms.latent_contrast import cntr_latent
from gan_jax.views import View


def value(a, b, **options):
    out = {'fake': {'head': {'projection': a}}, 'fake_beside': {'head': {'projection': b}}}
    parts, state, metrics = cntr_latent(**options).d.loss(out, {}, None)
    assert (state, metrics, parts.keys()) == ({}, {}, {'fake'})
    return parts['fake']


def test_by_hand():
    a = np.float32([[1, 0], [0, 1]])
    # Every anchor has its neighbour at a cosine of 1 and two others at 0.
    assert value(a, 2 * a, temperature=1.0) == pytest.approx(np.log((np.e + 2) / np.e), abs=1e-6)


def formula(a, b, t, sign=1, factor=1, itself=False):
    """Chen et al. 2020, eq. 1: one anchor after another."""
    rows = np.concatenate([a, b])
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    losses = []
    for i in range(len(rows)):
        j = (i + len(a)) % len(rows)
        others = [np.exp(rows[i] @ r / t) for k, r in enumerate(rows) if itself or k != i]
        losses.append(-np.log(np.exp(sign * rows[i] @ rows[j] / t) / sum(others)))
    return factor * np.mean(losses)


@pytest.mark.parametrize(('options', 't'), [({}, 0.1), ({'temperature': 0.7}, 0.7)])
def test_is_the_formula_and_tells_it_from_three_errors(options, t, x64):
    a, b = np.random.default_rng(0).standard_normal((2, 5, 7))
    found = value(a, b, **options)
    assert found == pytest.approx(formula(a, b, t), abs=1e-8, rel=0)
    for error in ({'sign': -1}, {'factor': 2}, {'itself': True}):
        assert abs(found - formula(a, b, t, **error)) > 1e-3, error


def test_latents_are_moved_by_noise_of_sigma():
    z = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
    noise = jax.random.normal(jax.random.key(1), z.shape)
    for options, sigma in (({}, 0.15), ({'sigma': 0.5}, 0.5)):
        move = cntr_latent(**options).latents['fake_beside']
        np.testing.assert_allclose(move(jax.random.key(1), z) - z, sigma * noise, atol=1e-6)


def test_fields():
    term = cntr_latent(hidden=5, size=3)
    assert term.g is None and term.init() == {} and term.head == ProjectionHead(5, 3)
    assert term.d.views == {'fake': View('fake'), 'fake_beside': View('fake_beside')}
    assert cntr_latent().head == ProjectionHead(128, 128)
