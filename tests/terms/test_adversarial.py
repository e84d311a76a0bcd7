"""The games' losses, as numbers worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.terms import adversarial
from gan_jax.views import View

OUT = {
    'real': {'logit': np.array([0.5, 2.0, -1.0], np.float32)},
    'fake': {'logit': np.array([-2.0, 0.25, 1.0], np.float32)},
}


def losses(term, out=OUT):
    return [getattr(term, side).loss(out, {})[0] for side in 'dg']


def test_hinge():
    d, g = losses(adversarial.hinge())
    # max(0, 1 - logit) is 0.5, 0, 2 on the reals; max(0, 1 + logit) is 0, 1.25, 2 on the fakes.
    assert d == {'real': pytest.approx(2.5 / 3), 'fake': pytest.approx(3.25 / 3)}
    assert g == {'fake': pytest.approx(0.25)}


def test_hinge_leaves_alone_what_is_beyond_the_margin():
    def d_loss(logits):
        out = {name: {'logit': logit} for name, logit in logits.items()}
        return sum(losses(adversarial.hinge(), out)[0].values())

    grads = jax.grad(d_loss)({name: record['logit'] for name, record in OUT.items()})
    np.testing.assert_allclose(grads['real'], [-1 / 3, 0, -1 / 3], rtol=1e-6)
    np.testing.assert_allclose(grads['fake'], [0, 1 / 3, 1 / 3], rtol=1e-6)


def test_non_saturating():
    d, g = losses(adversarial.non_saturating())
    # ln(1 + exp(x)) is 0.474077 at -0.5, 0.126928 at -2, 1.313262 at 1, 0.825939 at 0.25 and
    # 2.126928 at 2, 0.575939 at -0.25, 0.313262 at -1.
    assert d == {
        'real': pytest.approx((0.474077 + 0.126928 + 1.313262) / 3, abs=1e-6),
        'fake': pytest.approx((0.126928 + 0.825939 + 1.313262) / 3, abs=1e-6),
    }
    assert g == {'fake': pytest.approx((2.126928 + 0.575939 + 0.313262) / 3, abs=1e-6)}


def test_non_saturating_does_not_overflow():
    out = {name: {'logit': jnp.float32([1000, -1000])} for name in ('real', 'fake')}
    d, g = losses(adversarial.non_saturating(), out)
    assert d == {'real': 500, 'fake': 500}
    assert g == {'fake': 500}


@pytest.mark.parametrize('factory', [adversarial.hinge, adversarial.non_saturating])
def test_looks_at_images_as_they_are(factory):
    term = factory()
    assert term.d.views == {'real': View('real'), 'fake': View('fake')}
    assert term.g.views == {'fake': View('fake')}
    assert term.head is None and term.init() == {}
