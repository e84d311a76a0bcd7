"""The laws by which the ops that move the image draw, read from their results."""

import numpy as np
import pytest
from scipy import stats

from gan_jax.augment import ops, policy
from tests import small
from tests.augment.ramps import LIKELY, drawn, is_even, is_uniform, texture, with_ramps
from tests.small import new_key


def test_flip_mirrors_half_of_the_images():
    images = texture(2000, 2, 3, 1).astype(np.float32)
    out = np.asarray(small.jit(ops.flip)(new_key(11), images, None))
    mirrored = np.all(out == images[:, :, ::-1], axis=(1, 2, 3))
    kept = np.all(out == images, axis=(1, 2, 3))
    assert np.all(mirrored ^ kept)
    assert stats.binomtest(int(mirrored.sum()), 2000, 0.5).pvalue > LIKELY


def test_rotate90_turns_by_every_quarter_alike():
    images = texture(2000, 3, 3, 1).astype(np.float32)
    out = np.asarray(small.jit(ops.rotate90)(new_key(11), images, None))
    turned = [np.all(out == np.rot90(images, n, (1, 2)), axis=(1, 2, 3)) for n in range(4)]
    assert np.all(np.sum(turned, axis=0) == 1)
    assert is_even(np.sum(turned, axis=1))


def test_rotate90_refuses_what_is_not_square():
    sentence = (
        r"the augmentation 'rotate90': rotate90: images must be square, got shape \[2, 4, 6, 1\]$"
    )
    with pytest.raises(ValueError, match=sentence):
        policy.parse('flip|rotate90')(new_key(11), texture(2, 4, 6, 1), None)


@pytest.mark.parametrize(('op', 'axis'), [(ops.translation_y, 0), (ops.translation_x, 1)])
def test_translation_of_one_axis_leaves_the_other(op, axis):
    side, strength = (8, 6)[axis], 0.5
    shifts = shifts_of(op, strength)
    assert not shifts[:, 1 - axis].any()
    most = int(strength * side)
    counts = np.bincount(shifts[:, axis] + most, minlength=2 * most + 1)
    expected = np.full(2 * most + 1, 4000 / (2 * most))
    expected[[0, -1]] /= 2  # half of a pixel's range
    assert stats.chisquare(counts, expected).pvalue > LIKELY


def test_shift_takes_every_whole_number_of_pixels_alike():
    shifts = shifts_of(ops.shift, 0.3)
    for axis, most in ((0, 2), (1, 2)):  # round(2.4), round(1.8)
        counts = np.bincount(shifts[:, axis] + most, minlength=2 * most + 1)
        assert len(counts) == 2 * most + 1 and is_even(counts)
    assert abs(np.corrcoef(shifts.T)[0, 1]) < 0.05


def shifts_by_pixels(image):
    """Every shift of an image (H, W, C) up to its sides, by what it looks like."""
    height, width, _ = image.shape
    padded = np.pad(image, ((height, height), (width, width), (0, 0)), mode='reflect')
    return {
        padded[height - y :, width - x :][:height, :width].tobytes(): (y, x)
        for y in range(-height, height + 1)
        for x in range(-width, width + 1)
    }


def shifts_of(op, strength):
    """The shifts [4000, 2] that an op takes, read from an image of 8 × 6 pixels."""
    image = texture(8, 6, 2).astype(np.float32)
    out = np.asarray(small.jit(op)(new_key(11), np.repeat(image[None], 4000, 0), strength))
    known = shifts_by_pixels(image)  # of shifts that look the same, the last
    return np.array([known[shifted.tobytes()] for shifted in out])  # KeyError: not a shift


@pytest.mark.parametrize('strength', [0.5, 0.99])
def test_translation_is_a_reflecting_shift_by_whole_pixels(strength):
    shifts = shifts_of(ops.translation, strength)
    for axis, side in ((0, 8), (1, 6)):
        # round(U(-r, r)): the chance of a pixel is the part of the range that rounds to it.
        pixels = np.arange(-side, side + 1)
        edges = np.clip(np.append(pixels, side + 1) - 0.5, -strength * side, strength * side)
        chances = np.diff(edges) / (2 * strength * side)
        # Shifts that differ by the period of the mirror look the same.
        period = 2 * (side - 1)
        expected = 4000 * np.bincount(pixels % period, chances)
        counts = np.bincount(shifts[:, axis] % period, minlength=period)
        assert not counts[expected == 0].any()
        counts, expected = counts[expected > 0], expected[expected > 0]
        assert stats.chisquare(counts, expected).pvalue > LIKELY
    if strength == 0.5:  # no two shifts look the same: each axis has its own
        assert abs(np.corrcoef(shifts.T)[0, 1]) < 0.05


def test_zoom_takes_one_extent_for_both_axes(x64):
    for op in (ops.zoom_in, ops.zoom_out):
        (_, height), (_, width) = drawn(
            np.asarray(small.jit(op)(new_key(11), with_ramps(24, 12, 16), 0.5))
        )
        np.testing.assert_allclose(height, width, atol=1e-12)


def test_zoom_in_draws_every_crop_alike(x64):
    out = np.asarray(small.jit(ops.zoom_in)(new_key(11), with_ramps(2000, 8, 8), 0.5))
    (top, height), (left, width) = drawn(out)
    assert is_uniform(1 - height, 0, 0.5)
    assert is_uniform(top / (1 - height), -1e-9, 1 + 1e-9)
    assert is_uniform(left / (1 - width), -1e-9, 1 + 1e-9)
    assert abs(np.corrcoef(top / (1 - height), left / (1 - width))[0, 1]) < 0.08


def test_zoom_out_draws_every_crop_alike(x64):
    out = np.asarray(small.jit(ops.zoom_out)(new_key(11), with_ramps(2000, 8, 8), 0.4))
    (top, height), (left, width) = drawn(out)
    amount = height - 1
    assert is_uniform(amount, 0, 0.4)
    # The crop lies inside the image padded by amount: it starts in [-amount, 0].
    assert is_uniform(-top / amount, -1e-9, 1 + 1e-9)
    assert is_uniform(-left / (width - 1), -1e-9, 1 + 1e-9)
    assert abs(np.corrcoef(top / amount, left / amount)[0, 1]) < 0.08


def test_cutout_blackens_one_box_inside_the_image():
    height, width, strength = 16, 12, 0.5
    images = np.full((6000, height, width, 2), 0.75, np.float32)
    out = np.asarray(small.jit(ops.cutout)(new_key(11), images, strength))
    assert set(np.unique(out)) == {0, np.float32(0.75)}
    black = out[..., 0] == 0
    np.testing.assert_array_equal(out[..., 1] == 0, black)  # all channels
    rows, columns = black.any(axis=2), black.any(axis=1)
    np.testing.assert_array_equal(black, rows[:, :, None] & columns[:, None, :])
    for inside in (rows, columns):  # one stretch, not two
        assert np.all(np.abs(np.diff(np.pad(inside, ((0, 0), (1, 1))).astype(int))).sum(1) <= 2)
    tall, wide = rows.sum(1), columns.sum(1)
    # One α for both sides, α·16 and α·12 rounded; a box of no width has no height to be seen.
    seen = tall > 0
    assert np.all(np.abs(tall / 16 - wide / 12)[seen] <= 0.5 / 16 + 0.5 / 12)
    edges = np.clip(np.arange(10) - 0.5, 0, strength * 16)
    edges[1] = 0.5 * 16 / 12  # where the width rounds to 1
    expected = 6000 * np.diff(edges) / (strength * 16)
    assert stats.chisquare(np.bincount(tall, minlength=9), expected).pvalue > LIKELY
    # Every place is as likely as another, the borders too.
    starts = np.argmax(rows, axis=1)[tall == 5]
    assert stats.chisquare(np.bincount(starts, minlength=16 - 5 + 1)).pvalue > LIKELY
    starts = np.argmax(columns, axis=1)[wide == 4]
    assert stats.chisquare(np.bincount(starts, minlength=12 - 4 + 1)).pvalue > LIKELY
