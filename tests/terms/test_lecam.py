"""LeCam against the authors' loop written out, and where its gradient stops."""

import jax
import numpy as np
import pytest

from gan_jax.terms.lecam import lecam
from gan_jax.views import View
from tests import small


def as_published(batches, decay, start):
    """lecam-gan's `ema_losses.update` and `lecam_reg`, one update after another."""
    averages = {'real': 7777.0, 'fake': 7777.0}
    for number, (real, fake) in enumerate(batches):
        kept = decay if number >= start else 0.0
        for source, logit in (('fake', fake), ('real', real)):
            averages[source] = averages[source] * kept + logit.mean() * (1 - kept)
        on_real = np.mean(np.maximum(real - averages['fake'], 0) ** 2)
        on_fake = np.mean(np.maximum(averages['real'] - fake, 0) ** 2)
        yield dict(averages), (on_real, on_fake) if number >= start else (0.0, 0.0)


@pytest.mark.parametrize(('decay', 'start'), [(0.9, 2), (0.99, 1)])
def test_follows_the_published_code(decay, start, x64):
    batches = np.random.default_rng(0).standard_normal((5, 2, 6)) + np.array([0.5, -0.5])[:, None]
    term = lecam(decay, start=start)
    state = small.cast(term.init(), np.float64)
    for (real, fake), (averages, losses) in zip(
        batches, as_published(batches, decay, start), strict=True
    ):
        out = {'real': {'logit': real}, 'fake': {'logit': fake}}
        parts, state, metrics = term.d.loss(out, state, None)
        assert (float(parts['real']), float(parts['fake'])) == pytest.approx(losses, rel=1e-12)
        for source in ('real', 'fake'):
            assert state[source] == pytest.approx(averages[source], rel=1e-12)
            assert metrics[f'average_{source}'] == state[source]
    assert state['updates'] == len(batches)


def test_no_gradient_through_the_averages():
    term, real = lecam(start=0), np.float32([1, 3])

    def loss(logits):
        out = {name: {'logit': logit} for name, logit in logits.items()}
        parts = term.d.loss(out, term.init(), None)[0]
        return parts['real'] + parts['fake']

    grads = jax.grad(loss)({'real': real, 'fake': np.float32([-1, -2])})
    # The averages began at 0: a_F is 0.01 * -1.5 and a_R 0.01 * 2. 2 (D(x) - a_F) / B, and so on.
    np.testing.assert_allclose(grads['real'], [1.015, 3.015], rtol=1e-6)
    np.testing.assert_allclose(grads['fake'], [-1.02, -2.02], rtol=1e-6)


def test_is_the_discriminators_alone_and_keeps_its_types():
    term = lecam()
    assert term.g is None and term.head is None
    assert term.d.views == {'real': View('real'), 'fake': View('fake')}
    logits = {name: {'logit': np.ones(2, np.float32)} for name in ('real', 'fake')}
    before, after = term.init(), term.d.loss(logits, term.init(), None)[1]
    assert jax.tree.map(lambda x: x.dtype, after) == jax.tree.map(lambda x: x.dtype, before)
