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
    return [getattr(term, side).loss(out, {}, None)[0] for side in 'dg']


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


def test_wasserstein():
    d, g = losses(adversarial.wasserstein())
    assert d == {'real': pytest.approx(-0.5), 'fake': pytest.approx(-0.25)}
    assert g == {'fake': pytest.approx(0.25)}


def test_least_squares():
    d, g = losses(adversarial.least_squares())
    # (logit - 1)^2 is 0.25, 1, 4 on the reals and 9, 0.5625, 0 on the fakes; fakes squared are
    # 4, 0.0625, 1. Halves of the means.
    assert d == {'real': pytest.approx(5.25 / 6), 'fake': pytest.approx(5.0625 / 6)}
    assert g == {'fake': pytest.approx(9.5625 / 6)}


def test_relativistic():
    d, g = losses(adversarial.relativistic())
    # D(x) - D(G(z)) of the pairs is 2.5, 1.75, -2; ln(1 + exp(-m)) of them and of their opposites.
    assert d == {'pair': pytest.approx((0.078890 + 0.160224 + 2.126928) / 3, abs=1e-6)}
    assert g == {'pair': pytest.approx((2.578890 + 1.910224 + 0.126928) / 3, abs=1e-6)}


def test_relativistic_knows_pairs_and_no_level():
    def parts(real, fake):
        out = {'real': {'logit': real}, 'fake': {'logit': fake}}
        return losses(adversarial.relativistic(), out)

    real, fake = OUT['real']['logit'], OUT['fake']['logit']
    assert parts(real + 8, fake + 8) == parts(real, fake)
    assert parts(real, np.roll(fake, 1)) != parts(real, fake)


LOOKS = {
    adversarial.hinge: ('fake',),
    adversarial.non_saturating: ('fake',),
    adversarial.wasserstein: ('fake',),
    adversarial.least_squares: ('fake',),
    adversarial.relativistic: ('real', 'fake'),
}


@pytest.mark.parametrize(('factory', 'g_looks_at'), LOOKS.items())
def test_looks_at_images_as_they_are(factory, g_looks_at):
    term = factory()
    assert term.d.views == {'real': View('real'), 'fake': View('fake')}
    assert term.g.views == {name: View(name) for name in g_looks_at}
    assert term.head is None and term.init() == {}
