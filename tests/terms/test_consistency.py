"""Balanced consistency as a number worked out by hand, and the two sides of each difference."""

import jax
import numpy as np
import pytest

from gan_jax.terms import consistency
from gan_jax.views import View, augmented

LOGITS = {
    'real': np.array([1.0, -2.0], np.float32),
    'real_aug': np.array([0.5, 1.0], np.float32),
    'fake': np.array([3.0, 0.0], np.float32),
    'fake_aug': np.array([3.0, -4.0], np.float32),
}


def parts(logits):
    out = {name: {'logit': logit} for name, logit in logits.items()}
    return consistency.balanced().d.loss(out, {})[0]


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
