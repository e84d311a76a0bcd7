"""The placebo: by hand, the formula in NumPy with errors planted in it, the fixed matrix."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.terms.contrastive import cntr
from gan_jax.terms.random_projection import projector, random_projection

VIEWS = ('real_1', 'real_2', 'fake_1', 'fake_2')


def parts(features, **options):
    out = {name: {'features': x} for name, x in zip(VIEWS, features, strict=True)}
    found, state, metrics = random_projection(**options).d.loss(out, {}, None)
    assert (state, metrics) == ({}, {})
    return found


def test_by_hand():
    # All features are on one ray, as are their projections: three others, as near as the pair.
    found = parts(np.float32([[[1], [3]]] * 4), temperature=1.0)
    assert found == {'real': pytest.approx(np.log(3)), 'fake': pytest.approx(np.log(3))}


def formula(a, b, matrix, t, sign=1, factor=1):
    """Chen et al. 2020, eq. 1, on the projections: one anchor after another."""
    rows = np.concatenate([a, b]) @ matrix
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    losses = []
    for i in range(len(rows)):
        j = (i + len(a)) % len(rows)
        others = [np.exp(rows[i] @ r / t) for k, r in enumerate(rows) if k != i]
        losses.append(-np.log(np.exp(sign * rows[i] @ rows[j] / t) / sum(others)))
    return factor * np.mean(losses)


@pytest.mark.parametrize(
    ('options', 't', 'size'), [({}, 0.1, 128), ({'temperature': 0.7, 'size': 3}, 0.7, 3)]
)
def test_is_the_formula_and_tells_it_from_three_errors(options, t, size, x64):
    features = np.random.default_rng(0).standard_normal((4, 5, 7))
    matrix = np.random.RandomState(0).standard_normal((7, size)) / np.sqrt(size)
    found, (a, b, c, d) = parts(features, **options), features
    assert found == {
        'real': pytest.approx(formula(a, b, matrix, t), abs=1e-8, rel=0),
        'fake': pytest.approx(formula(c, d, matrix, t), abs=1e-8, rel=0),
    }
    other = np.random.RandomState(1).standard_normal((7, size))
    for wrong in (
        formula(a, b, matrix, t, sign=-1),
        formula(a, b, matrix, t, factor=2),
        formula(a, b, other, t),
    ):
        assert abs(found['real'] - wrong) > 1e-3


def test_the_matrix_is_fixed_and_keeps_lengths():
    features = jnp.zeros((2, 50), jnp.float32)
    matrix = projector(features, 400)
    assert matrix.shape == (50, 400) and matrix.dtype == jnp.float32
    np.testing.assert_array_equal(matrix, projector(features + 1, 400))
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1, atol=0.15)


def test_it_is_cntr_without_a_head():
    term = random_projection()
    assert term.d.views == cntr().d.views
    assert term.g is None and term.head is None and term.init() == {}
