"""SAN's losses: gradients from the formulas in NumPy with errors planted in them, and by hand."""

import jax
import numpy as np
import pytest

from gan_jax.models.san import san_outputs
from gan_jax.terms import adversarial, san
from gan_jax.views import View

NAMES = ('hinge', 'non_saturating', 'relativistic')
every_loss = pytest.mark.parametrize('name', NAMES)


def d_loss(name, x):
    """The sum of the parts of D's loss for features of reals and of fakes, and the weight w."""
    out = {source: san_outputs(x[source], x['w'][None]) for source in ('real', 'fake')}
    return sum(getattr(san, name)().d.loss(out, {}, None)[0].values())


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def slopes(name, real, fake):
    """The derivative of the loss in f of each real and of each fake."""
    n = len(real)
    if name == 'hinge':
        return np.where(real < 1, -1, 0) / n, np.where(fake > -1, 1, 0) / n
    if name == 'non_saturating':
        return -sigmoid(-real) / n, sigmoid(fake) / n
    return -sigmoid(fake - real) / n, sigmoid(fake - real) / n


def formula(name, x, sign=1, factor=1, stopped=True):
    """The gradient of L(f) + E d(fake) - E d(real) in w and in the features."""
    w, length = x['w'], np.sqrt(sum(x['w'] ** 2))
    v = w / length
    f = {source: x[source] @ v * length for source in ('real', 'fake')}
    weights = dict(zip(('real', 'fake'), slopes(name, f['real'], f['fake']), strict=True))
    grads = {'w': np.zeros_like(w)}
    for source, side in (('real', -sign), ('fake', sign)):
        h, slope = x[source], weights[source]
        along = np.outer(h @ v, v)  # what |w| can change
        grads['w'] += slope @ (along if stopped else h)
        grads['w'] += factor * side * (h - along).mean(0)
        grads[source] = np.outer(slope, w)
    return grads


@every_loss
def test_is_the_formula_and_tells_it_from_three_errors(name, x64):
    rng = np.random.default_rng(0)
    x = {'real': rng.standard_normal((5, 3)), 'fake': rng.standard_normal((5, 3))}
    x['w'] = rng.standard_normal(3)
    found = jax.grad(lambda x: d_loss(name, x))(x)
    expected = formula(name, x)
    for key in x:
        np.testing.assert_allclose(found[key], expected[key], rtol=0, atol=1e-8)
    for error in ({'sign': -1}, {'factor': 2}, {'stopped': False}):
        assert np.abs(found['w'] - formula(name, x, **error)['w']).max() > 1e-3, error


@every_loss
def test_values_are_the_plain_loss_and_the_distance_of_the_means(name):
    logits = {'real': np.float32([2, 0.5]), 'fake': np.float32([-1.5, 1])}
    out = {n: dict.fromkeys(('logit', 'function', 'direction'), x) for n, x in logits.items()}
    plain, term = getattr(adversarial, name)(), getattr(san, name)()
    parts = term.d.loss(out, {}, None)[0]
    assert parts.pop('direction') == -0.25 - 1.25
    assert parts == plain.d.loss(out, {}, None)[0]
    assert term.g.loss(out, {}, None)[0] == plain.g.loss(out, {}, None)[0]
    assert (term.d.views, term.g.views) == (plain.d.views, plain.g.views)
    assert term.d.views == {'real': View('real'), 'fake': View('fake')}
    assert term.head is None and term.init() == {}


def test_the_discriminators_loss_leaves_the_plain_logit_alone():
    """The three are equal in value, so only different numbers tell which one is read."""
    out = {
        n: {
            'logit': np.float32([np.nan]),
            'function': np.float32([f]),
            'direction': np.float32([d]),
        }
        for n, f, d in (('real', 0.5, 3), ('fake', 0.25, 1))
    }
    found = san.hinge().d.loss(out, {}, None)[0]
    assert found == {'real': 0.5, 'fake': 1.25, 'direction': -2}


@every_loss
@pytest.mark.parametrize('missing', ['function', 'direction'])
def test_another_logit_is_refused_with_a_sentence(name, missing):
    x = dict.fromkeys({'logit', 'function', 'direction'} - {missing}, np.float32([1]))
    with pytest.raises(ValueError, match=f"the output '{missing}' .* take gan_jax.models.san.San"):
        getattr(san, name)().d.loss({'real': x, 'fake': x}, {}, None)
