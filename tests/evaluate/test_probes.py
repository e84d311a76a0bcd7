"""Probes of features: numbers by hand, and scikit-learn's classifier."""

import jax
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from gan_jax import data
from gan_jax.augment import policy as policies
from gan_jax.evaluate import geometry, probes
from gan_jax.keys import named


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


# Retrieval ----------------------------------------------------------------------------------------


def test_retrieval_by_hand():
    b = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
    a = np.array([[9, 1], [1, 9], [1, 9], [5, -6]])  # nearest: 0, 1, 1, 3
    assert probes.retrieval(a, b) == 0.75


def test_retrieval_is_that_of_scikit_learns_neighbours():
    b = random(50, 7)
    a = b + random(50, 7, seed=1)
    index = NearestNeighbors(n_neighbors=1, metric='cosine').fit(b)
    found = index.kneighbors(a, return_distance=False)[:, 0]
    expected = np.mean(found == np.arange(50))
    assert 0.1 < expected < 0.9
    assert probes.retrieval(a, b) == expected


def test_retrieval_looks_at_directions_only():
    b = random(20, 5)
    sizes = np.random.default_rng(1).uniform(0.01, 100, (20, 1))
    assert probes.retrieval(sizes * b, b) == 1


def test_features_that_know_nothing_find_one_image():
    """And not all: every row is as near as its own."""
    for constant in (np.ones((8, 3)), np.zeros((8, 3))):
        assert probes.retrieval(constant, constant) == 1 / 8


@pytest.mark.parametrize(
    ('a', 'b', 'said'),
    [
        (np.ones((3, 2)), np.ones((4, 2)), r'one shape, got \(3, 2\) and \(4, 2\)'),
        (np.ones(3), np.ones(3), r'a must be \[N, F\]'),
        (np.ones((0, 2)), np.ones((0, 2)), 'N >= 1'),
        (np.ones((2, 2)), np.full((2, 2), np.nan), 'b must be finite'),
    ],
)
def test_retrieval_refuses(a, b, said):
    with pytest.raises(ValueError, match=said):
        probes.retrieval(a, b)


# Linear probe -------------------------------------------------------------------------------------


@pytest.mark.parametrize('size', [3, 30, 400])  # fewer and more features than the 90 images
def test_linear_probe_is_scikit_learns_ridge_classifier(size):
    """RidgeClassifier's targets are ±1, ours 0 and 1: an affine change, which moves no maximum."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 150)
    centres = rng.standard_normal((4, size)) * 3 / np.sqrt(size)
    x = (centres[labels] + rng.standard_normal((150, size))) * rng.uniform(0.1, 10, size) + 5
    train, test = x[:90], x[90:]
    scaler = StandardScaler().fit(train)
    reference = RidgeClassifier(alpha=0.01 * max(90, size)).fit(
        scaler.transform(train), labels[:90]
    )
    expected = reference.score(scaler.transform(test), labels[90:])
    assert 0.4 < expected < 1
    assert probes.linear_probe(train, labels[:90], test, labels[90:]) == expected


def test_linear_probe_by_hand():
    """Features ±1 of classes 1 and 0: the sign names the class, the penalty shrinks the slope."""
    train, labels = np.array([[1.0], [1.0], [-1.0], [-1.0]]), np.array([1, 1, 0, 0])
    test = np.array([[0.3], [-0.2], [7.0], [-9.0]])
    assert probes.linear_probe(train, labels, test, np.array([1, 0, 1, 1])) == 0.75
    weights = probes._ridge(train, np.array([[0.5], [0.5], [-0.5], [-0.5]]), 0.1 * 4)
    np.testing.assert_allclose(weights, [[0.5 * 4 / 4.4]])


def test_primal_and_dual_agree():
    x, y = random(12, 9), random(12, 2, seed=1)
    primal = probes._ridge(x, y, 0.7)
    padded = probes._ridge(np.hstack([x, np.zeros((12, 6))]), y, 0.7)  # N = 12 < F = 15
    np.testing.assert_allclose(padded[:9], primal, rtol=1e-10)
    assert not padded[9:].any()


def test_a_constant_feature_counts_nothing():
    """Also one whose deviation is not 0 but rounding, and one that differs in the test images."""
    x, labels = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(150)
    x, labels = x[order], labels[order]
    constant = np.full((150, 2), 0.3)
    constant[100:] = 7.0
    assert 0 < constant[:100].std(axis=0)[0] < 1e-15

    def score(x):
        return probes.linear_probe(x[:100], labels[:100], x[100:], labels[100:], ridge=1e-3)

    assert score(np.hstack([x, constant])) == score(x) > 0.7


@pytest.mark.parametrize(
    ('shapes', 'said'),
    [
        (((4, 2), 4, (3, 5), 3), r'test must be \[N, 2\] with labels \[N\]'),
        (((4, 2), 3, (3, 2), 3), r'train must be .* got shapes \(4, 2\) and \(3,\)'),
        (((4, 2), 4, (3, 2), 4), r'test must be .* got shapes \(3, 2\) and \(4,\)'),
    ],
)
def test_linear_probe_refuses(shapes, said):
    train, n, test, m = shapes
    with pytest.raises(ValueError, match=said):
        probes.linear_probe(
            np.ones(train), np.zeros(n, np.int32), np.ones(test), np.zeros(m, np.int32)
        )


# Both, of a data set ------------------------------------------------------------------------------


def pixels(images):
    return images.reshape(len(images), -1) / 255


def test_the_probe_of_pixels():
    """The floor that a discriminator's features are to beat: what the pixels themselves give."""
    train, test = (data.load('digits', split=split) for split in ('train', 'test'))
    values = probes.probe(pixels, train, test)
    assert tuple(values) == probes.NAMES
    assert 0.1 < values['retrieval'] < 0.7
    assert 0.85 < values['linear_probe'] < 0.99
    assert 0.9 < values['knn'] < 1
    moved = probes.augmented(test.images, probes.POLICY, 0)
    seen = [pixels(images).astype(np.float64) for images in (moved, test.images)]
    assert values['retrieval'] == probes.retrieval(*seen)
    np.testing.assert_allclose(values['alignment'], geometry.alignment(*seen), rtol=1e-6)
    np.testing.assert_allclose(values['uniformity'], geometry.uniformity(seen[1]), rtol=1e-6)
    assert values == probes.probe(pixels, train, test)


def test_images_under_the_identity_find_themselves():
    test = data.load('digits', split='test')
    assert probes.probe(pixels, test, test, policy='')['retrieval'] == 1


def test_without_labels_there_is_no_class_to_read_off():
    test = data.load('digits', split='test')._replace(labels=None, num_classes=0)
    assert probes.probe(pixels, test, test).keys() == {*probes.NAMES} - {*probes.LABELLED}


def test_augmented_is_the_policy_rounded():
    images = data.load('digits', split='test').images[:20]
    floats = images.astype(np.float32) / 255
    key = named(jax.random.key(3), 'probe')
    expected = policies.parse('brightness(0.3)')(key, floats, 0.0)
    found = probes.augmented(images, 'brightness(0.3)', 3)
    assert found.dtype == np.uint8
    assert np.max(np.abs(found / 255 - np.asarray(expected))) <= 0.5 / 255 + 1e-6
    assert np.any(found != probes.augmented(images, 'brightness(0.3)', 4))


def test_a_policy_without_its_strength_is_refused():
    with pytest.raises(ValueError, match="write a strength into the policy 'cutout'"):
        probes.augmented(np.zeros((1, 8, 8, 1), np.uint8), 'cutout', 0)


def test_large_splits_are_thinned_evenly(monkeypatch):
    monkeypatch.setattr(probes, 'LIMIT', 3)
    images = np.arange(9, dtype=np.uint8).reshape(9, 1, 1, 1).repeat(8, 1).repeat(8, 2)
    seen = []

    def features(images):
        seen.append(images[:, 0, 0, 0].tolist())
        return random(len(images), 2)

    labels = np.arange(9, dtype=np.int32) % 2
    split = data.DataSet(images, labels, 2, 'nine')
    probes.probe(features, split, split, policy='')
    assert seen == [[0, 4, 8]] * 3
