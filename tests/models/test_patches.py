"""The logits of patches: a convolution without padding in NumPy, and their mean."""

from functools import partial

import jax
import numpy as np
import pytest

from gan_jax.models.patches import PatchLogit
from tests import small

LABEL = np.zeros(3, int)


def start(module, features):
    return jax.eval_shape(partial(module.init, train=True), jax.random.key(0), features, LABEL)


@pytest.mark.parametrize(('side', 'kernel'), [(5, 3), (4, 4), (3, 1)])
def test_every_window_has_the_logit_of_a_convolution_without_padding(side, kernel):
    x = np.random.default_rng(0).standard_normal((3, side, side, 2)).astype('f4')
    module = PatchLogit(side, kernel, normalised=False)
    variables = small.numbers(start(module, x.reshape(3, -1)), np.random.default_rng(1), 'f4')
    weights = variables['params']['dense']['kernel'].reshape(2, kernel, kernel)
    count = side - kernel + 1
    expected = np.zeros((3, count, count))
    for i in range(count):
        for j in range(count):
            window = x[:, i : i + kernel, j : j + kernel]
            expected[:, i, j] = np.einsum('nijc,cij->n', window, weights)
    out = small.jit(partial(module.apply, train=True))(variables, x.reshape(3, -1), LABEL)
    expected = expected.reshape(3, -1)
    np.testing.assert_allclose(out['logit'], expected.mean(1), rtol=1e-4, atol=1e-5)
    logits = out['logit'][:, None] + out['patches']
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_orthogonal_weights_are_one_unit_vector_over_window_and_channels():
    module = PatchLogit(4, 3, 'orthogonal', normalised=False)
    made = small.jit(partial(module.init, train=True))(
        jax.random.key(0), np.zeros((3, 4 * 4 * 5), 'f4'), LABEL
    )
    assert float((made['params']['dense']['kernel'] ** 2).sum()) == pytest.approx(1, rel=1e-5)


@pytest.mark.slow
def test_the_spectral_norm_is_of_the_convolution_of_one_output():
    """Of its kernel as a matrix of one column, [16 C, 1]."""
    x = np.random.default_rng(0).standard_normal((3, 5 * 5 * 2)).astype('f4')
    plain, normalised = (PatchLogit(5, 4, 'orthogonal', normalised=n) for n in (False, True))
    shapes = start(normalised, x)
    assert {*shapes} == {'params'} and shapes == start(plain, x)
    variables = small.numbers(shapes, np.random.default_rng(1), 'f4')
    matrix = np.asarray(variables['params']['dense']['kernel']).reshape(-1, 1)
    (sigma,) = np.linalg.svd(matrix, compute_uv=False)
    divided = jax.tree.map(lambda w: w / sigma, variables)
    found, expected = (
        small.jit(partial(module.apply, train=True))(v, x, LABEL)
        for module, v in ((normalised, variables), (plain, divided))
    )
    for name in ('logit', 'patches'):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-6)
    zero = jax.tree.map(np.zeros_like, variables)
    slope = jax.grad(lambda v: normalised.apply(v, x, LABEL, train=True)['logit'].sum())(zero)
    assert np.isfinite(slope['params']['dense']['kernel']).all()


def test_a_map_that_is_no_square_has_the_windows_of_both_sides():
    """The last three columns of a map of 4×5 are a map of 4×3."""
    x = np.random.default_rng(3).standard_normal((2, 4, 5, 3)).astype('f4')
    tall, oblong = PatchLogit((4, 3), 3), PatchLogit([4, 5], 3)
    flat, part = x.reshape(2, -1), x[:, :, 2:].reshape(2, -1)
    variables = small.numbers(start(oblong, flat), np.random.default_rng(1), 'f4')
    whole, last = (
        out['logit'][:, None] + out['patches']
        for out in (
            oblong.apply(variables, flat, LABEL, train=True),
            tall.apply(variables, part, LABEL, train=True),
        )
    )
    np.testing.assert_allclose(last, whole.reshape(2, 2, 3)[:, :, 2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(('side', 'kernel', 'length'), [(4, 3, 30), (4, 5, 32)])
def test_features_that_are_no_map_of_that_side_are_refused(side, kernel, length):
    message = f'windows of {kernel}x{kernel} in a map of 4x4 places do not fit {length} features'
    with pytest.raises(ValueError, match=message):
        start(PatchLogit(side, kernel), np.zeros((3, length), 'f4'))
