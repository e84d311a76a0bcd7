"""Orthogonal regularisation: by hand, and in NumPy with errors planted in it."""

import jax
import numpy as np
import pytest

from gan_jax.terms import Players
from gan_jax.terms.orthogonal import coherence, orthogonal

KERNEL = np.float32([[1, 2], [3, 0]])  # columns (1, 3) and (2, 0): their product is 2


def test_by_hand():
    """Both orders of the two columns count."""
    assert coherence({'dense': {'kernel': KERNEL}}) == 8
    # The gradient is 4 W (W^T W o (1 - I)), of which BigGAN's code adds a half.
    found = jax.grad(coherence)({'dense': {'kernel': KERNEL}})['dense']['kernel']
    np.testing.assert_allclose(found, 4 * KERNEL @ np.float32([[0, 2], [2, 0]]))


def test_biases_gains_and_class_tables_are_left_alone():
    params = {
        'dense': {'kernel': KERNEL, 'bias': np.ones(2, np.float32)},
        'norm': {'scale': np.ones(2, np.float32)},
        'classes': {'kernel': KERNEL},
        'spectral_classes': {'classes': {'kernel': KERNEL}},
    }
    assert coherence(params, ('classes',)) == 8
    assert coherence(params) == 24


def test_each_player_has_its_own_kernels_and_both_have_the_same_skips():
    d_params = {'a': {'kernel': KERNEL}}
    g_params = {'b': {'kernel': 2 * KERNEL}, 'classes': {'kernel': KERNEL}}
    out = {'players': Players(None, None, None, d_params, g_params)}
    for skip, gen in (('classes',), 128), ((), 136):
        term = orthogonal(skip=skip)
        assert term.d.loss(out, {}, None)[0] == {'dis': 8}
        assert term.g.loss(out, {}, None)[0] == {'gen': gen}
    assert term.d.views == term.g.views == {}


def formula(kernels, sign=1, factor=1, diagonal=False):
    """Sums of squared inner products of the columns, one pair at a time."""
    total = 0.0
    for kernel in kernels:
        columns = [kernel[..., j].ravel() for j in range(kernel.shape[-1])]
        for i, a in enumerate(columns):
            for j, b in enumerate(columns):
                if i != j or diagonal:
                    total += sign * factor * (a @ b) ** 2
    return total


def test_is_the_formula_and_tells_it_from_three_errors(x64):
    rng = np.random.default_rng(0)
    kernels = [rng.standard_normal(shape) for shape in ((3, 3, 2, 4), (5, 6), (5, 1))]
    params = {f'layer_{i}': {'kernel': kernel} for i, kernel in enumerate(kernels)}
    found = coherence(params)
    assert found == pytest.approx(formula(kernels), rel=1e-12)
    for error in ({'sign': -1}, {'factor': 2}, {'diagonal': True}):
        assert abs(found - formula(kernels, **error)) > 1, error
