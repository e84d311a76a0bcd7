"""The laws by which DiffAugment's ops draw, read from their results."""

import numpy as np
import pytest

from gan_jax.augment import ops
from tests import small
from tests.augment.ramps import is_even, is_uniform
from tests.small import new_key


def test_color_draws_three_amounts_by_themselves(x64):
    pixels = np.array([[0.6, 0.5, 0.4], [0.5, 0.2, 0.2]])  # [2, 3]
    out = np.asarray(
        small.jit(ops.diffaugment_color)(new_key(11), np.tile(pixels, (2000, 1, 1, 1)), None)
    )[:, 0]
    # Each step keeps what the next ones read it by: the mean of all, of a pixel, one channel.
    added = 2 * (out.mean(axis=(1, 2)) - pixels.mean())  # in [-1, 1]
    (first, second) = out.mean(axis=2).T
    contrast = (first - second) / (pixels[0] - pixels[1]).mean()
    saturation = (out[:, 0, 0] - out[:, 0, 2]) / 0.2 / contrast
    assert is_uniform(added, -0.5 - 1e-9, 0.5)
    assert is_uniform(saturation, -1e-9, 2 + 1e-9)
    assert is_uniform(contrast, 0.5 - 1e-9, 1.5 + 1e-9)
    assert np.all(np.abs(np.corrcoef([added, saturation, contrast]) - np.eye(3)) < 0.07)


@pytest.mark.parametrize(('height', 'width', 'down', 'right'), [(16, 10, 2, 1), (12, 7, 2, 1)])
def test_translation_takes_every_shift_alike(height, width, down, right):
    images = np.zeros((4000, height, width, 1), np.float32)
    images[:, height // 2, width // 2] = 1
    out = np.asarray(small.jit(ops.diffaugment_translation)(new_key(11), images, None))[..., 0]
    places = np.argwhere(out == 1)
    assert len(places) == 4000
    for place, middle, most in zip(
        places.T[1:], (height // 2, width // 2), (down, right), strict=True
    ):
        counts = np.bincount(place - middle + most)
        assert len(counts) == 2 * most + 1 and is_even(counts)


@pytest.mark.parametrize(('height', 'width'), [(8, 7), (6, 5)])
def test_cutout_puts_its_centre_anywhere(height, width):
    images = np.ones((6000, height, width, 1), np.float32)
    gray = np.asarray(small.jit(ops.diffaugment_cutout)(new_key(11), images, None))[..., 0] == 0.5
    for hidden in (gray.any(axis=2), gray.any(axis=1)):
        size = hidden.shape[1]
        side = int(size / 2 + 0.5)
        # Every stretch of that length that reaches at least half of itself into the image.
        starts = range(-(side // 2), size - (side + 1) // 2 + 1)
        pixels = np.arange(size)
        boxes = [((pixels >= start) & (pixels < start + side)).tobytes() for start in starts]
        assert len(boxes) == size + 1 - side % 2
        found = [row.tobytes() for row in hidden]
        assert is_even([found.count(box) for box in boxes])
        assert set(found) == set(boxes)
