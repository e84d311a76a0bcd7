"""Variants of bCR: by hand, the formulas in NumPy with errors planted in them, their state."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.terms import balanced, consistency
from gan_jax.views import View, augmented

SOURCES = ('real', 'fake')


def logits(names, seed=0):
    """Of five images in each view, float64."""
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(5) for name in names}


def loss(term, x, state=None):
    out = {name: {'logit': logit} for name, logit in x.items()}
    return term.d.loss(out, term.init() if state is None else state, None)


def slope(function, x, name, step=1e-6):
    """The gradient of a function of logits in those of one view, by central differences."""
    found = []
    for i in range(len(x[name])):
        up, down = (
            function({**x, name: x[name] + s * step * np.eye(len(x[name]))[i]}) for s in (1, -1)
        )
        found.append((up - down) / (2 * step))
    return np.array(found)


# Several views -----------------------------------------------------------------------------------


def k_views(x, source, count, sign=1, factor=1, first_only=False):
    total = 0
    for k in range(count):
        view = x[f'{source}_aug' if k == 0 or first_only else f'{source}_aug_{k}']
        total += np.mean([(a - sign * b) ** 2 for a, b in zip(x[source], view, strict=True)])
    return factor * total / count


@pytest.mark.parametrize(('options', 'count'), [({}, 4), ({'count': 2}, 2)])
def test_bcr_k_is_the_formula_and_tells_it_from_three_errors(options, count, x64):
    term = balanced.bcr_k(**options)
    x = logits(term.d.views)
    parts, state, metrics = loss(term, x)
    assert (state, metrics) == ({}, {})
    assert parts == {s: pytest.approx(k_views(x, s, count), abs=1e-8, rel=0) for s in SOURCES}
    for error in ({'sign': -1}, {'factor': 2}, {'first_only': True}):
        assert abs(parts['real'] - k_views(x, 'real', count, **error)) > 1e-3, error


def test_bcr_k_by_hand():
    x = {'real': [1.0, 2], 'real_aug': [1.0, 4], 'real_aug_1': [2.0, 2]}
    x = {name: np.float32(v) for name, v in x.items()}
    x |= {name.replace('real', 'fake'): np.zeros(2, np.float32) for name in x}
    # Squares of 0, 2 and of 1, 0: means of 2 and 1/2.
    assert loss(balanced.bcr_k(2), x)[0] == {'real': 1.25, 'fake': 0}


def test_bcr_k_of_one_view_is_bcr():
    one = balanced.bcr_k(1)
    assert one.d.views == consistency.balanced().d.views
    x = {name: v.astype(np.float32) for name, v in logits(one.d.views).items()}
    assert loss(one, x)[0] == loss(consistency.balanced(), x)[0]
    assert balanced.bcr_k(3).d.views['fake_aug_2'] == View('fake', augmented, draw=2)
    assert len(balanced.bcr_k(3).d.views) == 8 and one.g is None and one.head is None


# Weak and strong ---------------------------------------------------------------------------------


def teacher(x, source, sign=1, factor=1):
    pairs = zip(x[f'{source}_strong'], x[f'{source}_weak'], strict=True)
    return factor * np.mean([(s - sign * w) ** 2 for s, w in pairs])


def test_weak_strong_is_the_formula_and_tells_it_from_three_errors(x64):
    term = balanced.bcr_weak_strong()
    x = logits(term.d.views)
    parts, state, metrics = loss(term, x)
    assert (state, metrics) == ({}, {})
    assert parts == {s: pytest.approx(teacher(x, s), abs=1e-8, rel=0) for s in SOURCES}
    for error in ({'sign': -1}, {'factor': 2}):
        assert abs(parts['real'] - teacher(x, 'real', **error)) > 1e-3, error
    # The strong view has the slope of the formula. The weak one has a slope too, and no gradient.
    grads = jax.grad(lambda x: loss(term, x)[0]['real'])(x)
    of_real = [slope(lambda x: teacher(x, 'real'), x, f'real_{how}') for how in ('strong', 'weak')]
    np.testing.assert_allclose(grads['real_strong'], of_real[0], atol=1e-8)
    assert np.abs(of_real[1]).min() > 1e-3 and not np.any(np.asarray(grads['real_weak']))


def test_weak_strong_by_hand():
    x = {'real_weak': [1.0, 0], 'real_strong': [3.0, 1], 'fake_weak': [0.0], 'fake_strong': [-2.0]}
    parts = loss(balanced.bcr_weak_strong(), {n: np.float32(v) for n, v in x.items()})[0]
    assert parts == {'real': 2.5, 'fake': 4}


def test_weak_strong_has_two_policies():
    assert balanced.bcr_weak_strong().d.views == {
        'real_weak': View('real', augmented, 'flip|shift(0.125)'),
        'real_strong': View('real', augmented, '', 1),
        'fake_weak': View('fake', augmented, 'flip|shift(0.125)'),
        'fake_strong': View('fake', augmented, '', 1),
    }
    own = balanced.bcr_weak_strong(weak='flip', strong='cutout(0.5)')
    assert own.d.views['real_weak'].policy == 'flip'
    assert own.d.views['fake_strong'].policy == 'cutout(0.5)'
    assert own.g is None and own.head is None and own.init() == {}


# Dual ascent -------------------------------------------------------------------------------------


def ascent(rounds, epsilon, rate, start, sign=1, factor=1):
    """(loss, lambda that it had, violation) of reals, one update after another."""
    multiplier, found = start, []
    for x in rounds:
        violation = np.mean([(a - b) ** 2 for a, b in zip(x['real'], x['real_aug'], strict=True)])
        violation -= epsilon
        found.append((multiplier * violation, multiplier, violation))
        multiplier = max(0, multiplier + sign * factor * rate * violation)
    return found


VIEWS = ('real', 'real_aug', 'fake', 'fake_aug')


@pytest.mark.parametrize(
    'options',
    [{'epsilon': 0.1, 'rate': 0.1, 'start': 0.0}, {'epsilon': 2.0, 'rate': 0.7, 'start': 1.5}],
)
def test_dual_ascent_is_the_formula_and_tells_it_from_two_errors(options, x64):
    rounds = [logits(VIEWS, seed) for seed in range(6)]
    term, found = balanced.bcr_dual(**options), []
    state = {s: np.float64(options['start']) for s in SOURCES}
    for x in rounds:
        parts, state, metrics = loss(term, x, state)
        found.append((parts['real'], metrics['lambda_real'], metrics['violation_real']))
    np.testing.assert_allclose(found, ascent(rounds, **options), rtol=0, atol=1e-8)
    for error in ({'sign': -1}, {'factor': 2}):
        other = ascent(rounds, **options, **error)
        assert np.abs(np.subtract(found, other)).max() > 1e-3, error


def test_dual_ascent_has_the_defaults_of_its_docstring():
    x = {name: np.float32(v) for name, v in logits(VIEWS).items()}
    term = balanced.bcr_dual()
    _, state, metrics = loss(term, x)
    assert metrics['lambda_real'] == 0
    assert state['real'] == pytest.approx(0.1 * (np.mean((x['real'] - x['real_aug']) ** 2) - 0.1))


def test_the_gradient_takes_the_multiplier_for_a_constant(x64):
    """A missing stop-gradient would add the violation's own slope times itself and the rate."""
    x, term = logits(VIEWS), balanced.bcr_dual(rate=0.5)
    state = {'real': np.float64(2), 'fake': np.float64(0)}
    grads = jax.grad(lambda x: sum(loss(term, x, state)[0].values()))(x)
    square = slope(lambda x: np.mean((x['real'] - x['real_aug']) ** 2), x, 'real_aug')
    np.testing.assert_allclose(grads['real_aug'], 2 * square, atol=1e-8)
    assert not np.any(np.asarray(grads['fake_aug']))  # whose multiplier is 0


def test_the_multiplier_grows_while_violated_then_falls_to_zero():
    term = balanced.bcr_dual(epsilon=1.0, rate=0.5)
    state, seen = term.init(), []
    for distance in (2, 2, 1, 0, 0, 0, 0, 0, 0, 0):
        x = {name: jnp.zeros(2) for name in VIEWS}
        _, state, _ = loss(term, {**x, 'real_aug': x['real'] + distance}, state)
        seen.append(float(state['real']))
    # Violations 3, 3, 0 and then -1, each times the rate.
    assert seen == [1.5, 3, 3, 2.5, 2, 1.5, 1, 0.5, 0, 0]
    assert state['real'].dtype == jnp.float32 and state['fake'] == 0


def test_dual_ascent_reads_the_views_of_bcr():
    term = balanced.bcr_dual(start=2.0)
    assert term.d.views == consistency.balanced().d.views
    assert term.init() == {'real': 2, 'fake': 2} and term.g is None and term.head is None
