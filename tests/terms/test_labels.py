"""Losses of classifiers: numbers by hand, and the formulas in NumPy with errors planted in them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.terms import labels
from gan_jax.views import View
from tests.singular import normalised

REAL, FAKE = View('real'), View('fake')
LABELS = {'real': np.array([1, 0, 2]), 'fake': np.array([0, 2, 2])}


def outputs(units, *names, seed=0):
    """Scores of three reals and three fakes in float64, and their labels."""
    rng = np.random.default_rng(seed)
    return {
        source: {
            'head': {name: rng.standard_normal((3, units)) for name in names},
            'label': label,
        }
        for source, label in LABELS.items()
    }


def parts(term, out):
    return {side: getattr(term, side).loss(out, {}, None)[0] for side in 'dg'}


def close(found, expected):
    """Equal in every part, to 1e-8."""
    return all(
        found[side].keys() == expected[side].keys()
        and all(abs(found[side][k] - expected[side][k]) < 1e-8 for k in expected[side])
        for side in 'dg'
    )


def test_cross_entropy_by_hand():
    logits = jnp.float32([[0, 0, np.log(2)], [1, 1, 1]])
    # Of the probabilities 1/4, 1/4, 1/2 the last, and one third.
    assert labels.cross_entropy(logits, jnp.array([2, 0])) == pytest.approx(
        (np.log(2) + np.log(3)) / 2, abs=1e-6
    )


def entropy(scores, target):
    """-log of the softmax at the target, one row at a time."""
    rows = [np.exp(s)[t] / np.exp(s).sum() for s, t in zip(scores, target, strict=True)]
    return -np.mean(np.log(rows))


def hinge(scores, target, sign=1):
    """Crammer & Singer's loss, one row at a time."""
    rows = []
    for s, t in zip(scores, target, strict=True):
        best = max(s[j] for j in range(len(s)) if j != t)
        rows.append(max(0, 1 + sign * (best - s[t])))
    return np.mean(rows)


def of(out, source, name='classes'):
    return out[source]['head'][name], out[source]['label']


def acgan(out, sign=1, factor=1, learns='real'):
    return {
        'd': {'real': factor * entropy(*of(out, learns))},
        'g': {'fake': sign * entropy(*of(out, 'fake'))},
    }


def tacgan(out, sign=1, factor=1, learns='fake'):
    return {
        'd': {'real': entropy(*of(out, 'real')), 'fake': entropy(*of(out, learns, 'twin'))},
        'g': {
            'classes': factor * entropy(*of(out, 'fake')),
            'twin': -sign * entropy(*of(out, 'fake', 'twin')),
        },
    }


def adcgan(out, sign=1, factor=1, shift=1):
    (real, y), (fake, y_fake) = of(out, 'real'), of(out, 'fake')
    gen = entropy(fake, 2 * y_fake) - sign * entropy(fake, 2 * y_fake + 1)
    return {
        'd': {'real': factor * entropy(real, 2 * y), 'fake': entropy(fake, 2 * y_fake + shift)},
        'g': {'gen': gen},
    }


def multi_hinge(out, sign=1, factor=1, target=3):
    (real, y), (fake, y_fake) = of(out, 'real'), of(out, 'fake')
    return {
        'd': {'real': hinge(real, y, sign), 'fake': hinge(fake, np.full_like(y_fake, target))},
        'g': {'classes': factor * hinge(fake, y_fake)},
    }


# Factory, its head's units and outputs, the formula, and the trap of its own.
CASES = [
    (labels.acgan, 3, ('classes',), acgan, {'learns': 'fake'}),
    (labels.tacgan, 3, ('classes', 'twin'), tacgan, {'learns': 'real'}),
    (labels.adcgan, 6, ('classes',), adcgan, {'shift': 0}),
    (labels.multi_hinge, 4, ('classes',), multi_hinge, {'target': 0}),
]


@pytest.mark.parametrize(('factory', 'units', 'names', 'formula', 'trap'), CASES)
def test_is_the_formula_and_tells_it_from_three_errors(factory, units, names, formula, trap, x64):
    term, out = factory(num_classes=3), outputs(units, *names)
    found = parts(term, out)
    assert close(found, formula(out))
    for error in ({'sign': -1}, {'factor': 2}, trap):
        assert not close(found, formula(out, **error)), error
    assert term.head == labels.LinearHeads(names, units, use_bias=factory is labels.multi_hinge)
    assert term.init() == {}


def test_multi_hinge_by_hand():
    scores = np.float32([[2, 0.5, 0, -1], [0, 3, 0, 1.5], [0, 0, 0, 0]])
    out = {
        'real': {'head': {'classes': scores}, 'label': np.array([0, 1, 2])},
        'fake': {'head': {'classes': scores}, 'label': np.array([1, 1, 0])},
    }
    found = parts(labels.multi_hinge(num_classes=3), out)
    # The labels of the reals lead by 1.5, 1.5 and 0; class 3 by -3, -1.5 and 0; the labels of the
    # fakes by -1.5, 1.5 and 0.
    assert found['d'] == {'real': pytest.approx(1 / 3), 'fake': pytest.approx((4 + 2.5 + 1) / 3)}
    assert found['g'] == {'classes': pytest.approx((2.5 + 0 + 1) / 3)}


def test_adcgan_leaves_the_generator_the_difference_of_two_scores(x64):
    """The normaliser of both cross entropies cancels."""
    out = outputs(6, 'classes')
    scores, y = of(out, 'fake')
    rows = np.arange(3)
    expected = np.mean(scores[rows, 2 * y + 1] - scores[rows, 2 * y])
    assert parts(labels.adcgan(num_classes=3), out)['g']['gen'] == pytest.approx(expected)


@pytest.mark.parametrize(('factory', 'fakes_in_d'), [(c[0], c[0] != labels.acgan) for c in CASES])
def test_views(factory, fakes_in_d):
    term = factory(num_classes=3)
    assert term.d.views == {'real': REAL, **({'fake': FAKE} if fakes_in_d else {})}
    assert term.g.views == {'fake': FAKE}


@pytest.mark.parametrize('use_bias', [False, True])
def test_heads_have_spectral_norm_and_move_its_vectors_where_they_may(use_bias):
    features, label = np.eye(5, dtype=np.float32), np.zeros(5, np.int32)
    head = labels.LinearHeads(('a', 'b'), 3, use_bias=use_bias)
    _, variables = head.init_with_output(jax.random.key(0), features, label, train=True)
    out, moved = head.apply(variables, features, label, train=True, mutable=['batch_stats'])
    for name in ('a', 'b'):
        np.testing.assert_allclose(out[name], normalised(variables, name), rtol=1e-5)
        assert variables['params'][name].keys() == {'kernel', *(['bias'] if use_bias else [])}
        u = f'{name}/kernel/u'
        norm = f'spectral_{name}'
        assert not np.array_equal(moved['batch_stats'][norm][u], variables['batch_stats'][norm][u])
    evaluated = head.apply(variables, features, label, train=False)
    np.testing.assert_array_equal(evaluated['a'], out['a'])
