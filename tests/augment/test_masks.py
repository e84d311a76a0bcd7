"""The laws of boxes and patches that hide an image, read from the results."""

import numpy as np
import pytest
from scipy import stats

from gan_jax.augment import masks, ops
from tests import small
from tests.augment.exact import distance
from tests.augment.ramps import LIKELY, is_even, is_uniform
from tests.augment.references import masks as references
from tests.small import new_key


@pytest.mark.slow
@pytest.mark.parametrize('name', ['random_erasing', 'patch_mask'])
def test_is_its_reference_in_float64(name, x64):
    assert distance(getattr(ops, name), getattr(references, name)) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize(
    ('name', 'constant', 'wrong'),
    [
        ('random_erasing', 'NARROWEST', 0.6),
        ('random_erasing', 'NARROWEST', 1 / 0.3),
        ('patch_mask', 'PATCHES', 4),
    ],
)
def test_the_reference_rejects_another_constant(name, constant, wrong, x64, monkeypatch):
    monkeypatch.setattr(masks, constant, wrong)
    assert distance(getattr(ops, name), getattr(references, name)) > 0.1


def erased(count, side, strength):
    """Sides and corner of the boxes in images of -1, which no noise is: four of [count]."""
    images = np.full((count, side, side, 1), -1, np.float32)
    out = np.asarray(small.jit(ops.random_erasing)(new_key(11), images, strength))[..., 0]
    rows, columns = (out >= 0).any(axis=2), (out >= 0).any(axis=1)
    np.testing.assert_array_equal(out >= 0, rows[:, :, None] & columns[:, None])
    assert is_uniform(out[out >= 0], 0, 1)
    lengths = rows.sum(axis=1), columns.sum(axis=1)
    return *lengths, rows.argmax(axis=1), columns.argmax(axis=1)


def test_erased_areas_and_aspects_are_the_papers():
    tall, wide, top, left = erased(400, 100, 0.4)
    area = tall * wide / 100**2
    assert abs(area.min() - 0.02) < 0.01 and abs(area.max() - 0.4) < 0.01
    assert is_uniform(np.clip(area, 0.02, 0.4), 0.02, 0.4)
    small_ones = area < 0.3  # of which every aspect fits
    aspect = np.clip(tall / wide, 0.3, 1 / 0.3)
    assert stats.kstest(aspect[small_ones], stats.uniform(0.3, 1 / 0.3 - 0.3).cdf).pvalue > LIKELY
    for start, length in ((top, tall), (left, wide)):
        inside = length < 100
        assert is_uniform(((start + 0.5) / (101 - length))[inside], 0, 1)


def test_a_box_that_fits_barely_stays_inside():
    tall, wide, _, _ = erased(200, 16, 0.95)
    assert max(tall.max(), wide.max()) <= 16
    assert (tall * wide).max() > 200


def test_a_box_in_a_long_image_keeps_its_aspect_and_is_cut_off():
    images = np.full((300, 4, 40, 1), -1, np.float32)
    for turned in (images, np.moveaxis(images, 1, 2)):
        out = np.asarray(small.jit(ops.random_erasing)(new_key(11), turned, 0.9))[..., 0] >= 0
        sides = out.any(axis=2).sum(axis=1).max(), out.any(axis=1).sum(axis=1).max()
        assert min(sides) == 4
        assert 18 < max(sides) <= 22  # √(0.9 · 160 / 0.3) is 21.9


def test_patches_are_hidden_in_equal_number_and_equally_often():
    images = np.ones((2000, 8, 16, 1), np.float32)
    out = np.asarray(small.jit(ops.patch_mask)(new_key(11), images, 0.3))[..., 0]
    np.testing.assert_array_equal(out[:, :, ::2], out[:, :, 1::2])  # patches of 1 by 2
    hidden = out[:, :, ::2] == 0
    assert np.all(hidden.sum(axis=(1, 2)) == 19)  # round(0.3 * 64)
    assert is_even(hidden.sum(axis=0).ravel())


@pytest.mark.slow
@pytest.mark.parametrize(('size', 'side'), [(4, 1), (28, 4), (32, 4), (128, 16)])
def test_patches_are_an_eighth_of_the_side(size, side):
    out = np.asarray(ops.patch_mask(new_key(11), np.ones((8, size, size, 1), np.float32), 0.5))
    blocks = out[..., 0].reshape(8, size // side, side, size // side, side)
    assert np.all(blocks.min(axis=(2, 4)) == blocks.max(axis=(2, 4)))
    if side > 1:
        wider = blocks.reshape(8, -1, size)
        assert np.any(wider[:, :, side - 1] != wider[:, :, side])
