"""Top-k training: numbers by hand, and the formula in NumPy with errors planted in it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.terms.adversarial import hinge
from gan_jax.terms.top_k import best, top_k
from gan_jax.views import View

LOGITS = np.float32([0.5, -2, 3, 1])


def value(logit, share):
    return top_k(share).g.loss({'fake': {'logit': logit}}, {}, None)[0]['fake']


@pytest.mark.slow
def test_by_hand():
    assert value(LOGITS, 0.5) == -2  # of 3 and 1
    assert value(LOGITS, 1.0) == -0.625
    assert value(LOGITS, 0.01) == -3  # one at least
    assert value(LOGITS, 0.7) == -1.5  # 2.8 is rounded


def test_only_the_best_have_a_gradient():
    np.testing.assert_allclose(jax.grad(value)(LOGITS, 0.5), [0, 0, -0.5, -0.5])


def test_equal_logits_count_once():
    assert [*best(jnp.zeros(4), 0.5)] == [1, 1, 0, 0]


def test_the_share_may_be_traced():
    def mask(share):
        return best(jnp.asarray(LOGITS), share)

    found = jax.jit(jax.vmap(mask))(jnp.float32([0.25, 0.5, 0.75, 1]))
    np.testing.assert_array_equal(found, [[0, 0, 1, 0], [0, 0, 1, 1], [1, 0, 1, 1], [1, 1, 1, 1]])


def formula(logit, share, sign=1, factor=1, over_all=False):
    """The k highest of the sorted logits."""
    k = max(1, round(share * len(logit)))
    chosen = sorted(logit, reverse=sign > 0)[:k]
    return -factor * sum(chosen) / (len(logit) if over_all else k)


@pytest.mark.slow
@pytest.mark.parametrize('share', [0.25, 0.5, 0.6])
def test_is_the_formula_and_tells_it_from_three_errors(share, x64):
    logit = np.random.default_rng(0).standard_normal(8)
    found = value(logit, share)
    assert found == pytest.approx(formula(logit, share), abs=1e-8, rel=0)
    for error in ({'sign': -1}, {'factor': 2}, {'over_all': True}):
        assert abs(found - formula(logit, share, **error)) > 1e-3, error


def test_the_discriminators_loss_is_the_hinge():
    out = {'real': {'logit': LOGITS}, 'fake': {'logit': -LOGITS}}
    term = top_k()
    assert term.d.loss(out, {}, None)[0] == hinge().d.loss(out, {}, None)[0]
    assert term.d.views == hinge().d.views and term.g.views == {'fake': View('fake')}
    assert term.head is None and term.init() == {}
