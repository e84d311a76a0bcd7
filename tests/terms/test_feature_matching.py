"""Feature matching: a number by hand, and the formula in NumPy with errors planted in it."""

import numpy as np
import pytest

from gan_jax.terms.feature_matching import feature_matching
from gan_jax.views import View


def value(real, fake):
    out = {'real': {'features': real}, 'fake': {'features': fake}}
    parts, state, metrics = feature_matching().g.loss(out, {}, None)
    assert (state, metrics, parts.keys()) == ({}, {}, {'features'})
    return parts['features']


def test_by_hand():
    real, fake = np.float32([[1, 0], [3, 0]]), np.float32([[0, 5], [0, -1]])
    # The means are (2, 0) and (0, 2).
    assert value(real, fake) == 2


def formula(real, fake, sign=1, factor=1, inside=False):
    """One feature after another; `inside` takes the absolute values before the mean."""
    if inside:
        return np.mean(np.abs(fake - real))
    each = [abs(fake[:, f].mean() - sign * real[:, f].mean()) for f in range(real.shape[1])]
    return factor * sum(each) / len(each)


def test_is_the_formula_and_tells_it_from_three_errors(x64):
    real, fake = np.random.default_rng(0).standard_normal((2, 5, 7))
    found = value(real, fake)
    assert found == pytest.approx(formula(real, fake), abs=1e-8, rel=0)
    for error in ({'sign': -1}, {'factor': 2}, {'inside': True}):
        assert abs(found - formula(real, fake, **error)) > 1e-3, error


def test_fields():
    term = feature_matching()
    assert term.d is None and term.head is None and term.init() == {}
    assert term.g.views == {'real': View('real'), 'fake': View('fake')}
