"""The Inception Score: closed forms, and an independent sum over entropies."""

import numpy as np
import pytest
from scipy.stats import entropy

from gan_jax.evaluate.inception_score import inception_score


def test_certain_and_diverse_is_the_number_of_classes():
    assert inception_score(np.tile(np.eye(7), (20, 1)), splits=1) == (
        pytest.approx(7, rel=1e-12),
        0,
    )


def test_uniform_and_constant_are_one():
    assert inception_score(np.full((40, 5), 0.2)) == (pytest.approx(1, rel=1e-12), 0)
    assert inception_score(np.tile(np.eye(5)[2], (40, 1))) == (1, 0)


@pytest.mark.parametrize('splits', [1, 3, 10])
def test_against_entropies(splits):
    """KL averaged over images is the entropy of the mean less the mean of the entropies."""
    probs = np.random.default_rng(0).dirichlet(np.full(6, 0.3), size=101).astype(np.float32)
    parts = [probs[i * 101 // splits : (i + 1) * 101 // splits] for i in range(splits)]
    assert sum(map(len, parts)) == 101
    scores = [
        np.exp(entropy(p.mean(0)) - entropy(p, axis=1).mean()) for p in map(np.float64, parts)
    ]
    found = inception_score(probs, splits=splits)
    np.testing.assert_allclose(found, (np.mean(scores), np.std(scores)), rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize(
    ('probs', 'splits', 'said'),
    [
        (np.full((4, 2), 0.6), 1, 'rows >= 0 that sum to 1'),
        (np.array([[1.5, -0.5]]), 1, 'rows >= 0 that sum to 1'),
        (np.full((4, 2), 0.5), 5, 'splits must be 1 to 4, got 5'),
        (np.full(4, 0.25), 1, r'probs must be \[N, F\]'),
        (np.full((4, 2), np.nan), 1, 'probs must be finite'),
    ],
)
def test_what_is_no_probability_is_refused(probs, splits, said):
    with pytest.raises(ValueError, match=said):
        inception_score(probs, splits=splits)
