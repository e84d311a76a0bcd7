"""Tangent prop: by hand, the formula in NumPy with errors planted in it, and against CR."""

import jax
import numpy as np
import pytest

from gan_jax.augment import policy
from gan_jax.keys import named
from gan_jax.terms.tangent import tangent, tangents
from gan_jax.views import View

KEY = 5
# Every smooth op; `contrast`, `saturation` and `hue` are the image itself at 0.
SMOOTH = ('zoom_in', 'zoom_out', 'brightness', 'contrast', 'saturation', 'hue', 'redness')


def images(seed=0, dtype=np.float32):
    return np.random.default_rng(seed).uniform(0.2, 0.8, (4, 6, 6, 3)).astype(dtype)


def value(x, dx, along='zoom_in'):
    out = {'real': {'image': x, 'dx': dx}}
    return tangent(along=along).d.loss(out, {}, jax.random.key(KEY))[0]['real']


def shown(along, x, strength):
    return policy.parse(along)(named(jax.random.key(KEY), 'along'), x, strength)


def test_by_hand():
    """Brightness adds a s to every value; D is the sum over values in [-1, 1], so dx = 1."""
    x = images()
    (amount,) = np.asarray(shown('brightness', x, 0.1) - x)[:, 0, 0, 0][None] / 0.1  # a of each
    assert np.abs(amount).max() < 1
    found = value(x, np.ones_like(x), 'brightness')
    assert found == pytest.approx(np.mean((2 * amount * 6 * 6 * 3) ** 2), rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize('along', SMOOTH)
def test_the_derivative_is_the_slope_of_the_policy(along, x64):
    x, step = images(dtype=np.float64), 1e-6
    slope = (shown(along, x, 1e-3 + step) - shown(along, x, 1e-3 - step)) / (2 * step)
    key = named(jax.random.key(KEY), 'along')
    found = tangents(policy.parse(along), key, x)
    np.testing.assert_allclose(found, slope, atol=1e-6)
    assert np.abs(found).max() > 1e-2


@pytest.mark.slow
@pytest.mark.parametrize('along', ['translation', 'shift', 'cutout', 'grayscale', 'blur'])
def test_ops_that_round_have_no_derivative(along):
    key = jax.random.key(KEY)
    assert not np.any(tangents(policy.parse(along), key, images()))


def formula(dx, slopes, sign=1, factor=1, root=False):
    """The mean square of the inner products of each image's gradient and derivative."""
    products = [sign * 2 * factor * (a * b).sum() for a, b in zip(dx, slopes, strict=True)]
    return np.mean(np.abs(products) if root else np.square(products)) * sign


@pytest.mark.slow
def test_is_the_formula_and_tells_it_from_three_errors(x64):
    x, dx = images(dtype=np.float64), images(1, np.float64) - 0.5
    (amount,) = np.asarray(shown('brightness', x, 0.1) - x)[:, 0, 0, 0][None] / 0.1
    slopes = np.broadcast_to(amount[:, None, None, None], x.shape)
    found = value(x, dx, 'brightness')
    assert found == pytest.approx(formula(dx, slopes), abs=1e-8, rel=0)
    for error in ({'sign': -1}, {'factor': 0.5}, {'root': True}):
        assert abs(found - formula(dx, slopes, **error)) > 1e-3, error


def test_is_cr_to_first_order(x64):
    """For a logit with a curvature: (D(x) - D(t_s(x)))^2 / s^2 at a small s."""
    x, strength = images(dtype=np.float64), 1e-5

    def logit(x):
        return ((2 * x - 1) ** 2).sum((1, 2, 3))

    change = logit(x) - logit(np.asarray(shown('brightness', x, strength)))
    found = value(x, 2 * (2 * x - 1), 'brightness')
    assert found == pytest.approx(np.mean(change**2) / strength**2, rel=1e-3)


@pytest.mark.parametrize('along', ['', 'flip', 'zoom_in(0.1)', 'mixup'])
def test_a_policy_without_a_derivative_is_refused(along):
    with pytest.raises(ValueError, match='no derivative of each image in a strength'):
        tangent(along=along)


def test_views():
    term = tangent()
    assert term.d.views == {'real': View('real')} and term.d.input_grads == ('real',)
    assert term.g is None and term.head is None and term.init() == {}
