"""Interpolation against Pillow, and against TensorFlow 1's rule, one pixel at a time."""

import numpy as np
import pytest
from PIL import Image

from gan_jax.evaluate.interpolate import matrix

SIZES = [(32, 299), (128, 299), (400, 299), (299, 299), (7, 13), (30, 9), (1, 5), (5, 1)]


@pytest.mark.parametrize(('source', 'target'), SIZES)
def test_clean_is_pillows_bicubic(source, target):
    image = 255 * np.random.default_rng(0).random((source, source), np.float32)
    expected = Image.fromarray(image).resize((target, target), Image.Resampling.BICUBIC)
    rows = matrix('clean', source, target)
    np.testing.assert_allclose(rows @ image @ rows.T, np.asarray(expected), atol=2e-4)


@pytest.mark.parametrize(('source', 'target'), SIZES)
def test_tf1_is_its_rule_for_every_pixel(source, target):
    line = np.random.default_rng(0).random(source)
    for i, value in enumerate(matrix('tf1', source, target) @ line):
        at = i * source / target  # no half pixels
        low = min(int(np.floor(at + 1e-6)), source - 1)
        high, share = min(low + 1, source - 1), at - low
        expected = (1 - share) * line[low] + share * line[high]
        np.testing.assert_allclose(value, expected, atol=1e-4)


@pytest.mark.parametrize('kind', ['tf1', 'clean'])
def test_a_constant_stays_and_equal_sizes_change_nothing(kind):
    for source, target in SIZES:
        np.testing.assert_allclose(matrix(kind, source, target).sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(matrix(kind, 12, 12), np.eye(12), atol=1e-7)


def test_tf1_does_not_antialias_and_clean_does():
    """A line of 0, 1, 0, 1, ... shrunk to a half."""
    line = np.arange(16) % 2.0
    np.testing.assert_array_equal(matrix('tf1', 16, 8) @ line, 0)
    np.testing.assert_allclose((matrix('clean', 16, 8) @ line)[2:-2], 0.5, atol=1e-6)
