"""Each op against its definition, written out in NumPy, PIL or SciPy, and the laws of its draws.

What an op drew is read from its output: a batch carries ramps of the row and the column beside a
texture, so that a reference can be given the same window without knowing how it was drawn.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy import stats

from gan_jax.augment import ops

KEY = jax.random.key(11)
LIKELY = 1e-3  # the draws are fixed by the key: a law that holds passes for good


def texture(*shape):
    return np.random.default_rng(5).uniform(size=shape)


def with_ramps(batch, height, width):
    """[batch, height, width, 3]: row / height, column / width, and a texture."""
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing='ij')
    ramps = np.stack([rows / height, columns / width], axis=2)
    ramps = np.broadcast_to(ramps, (batch, height, width, 2))
    return np.concatenate([ramps, texture(batch, height, width, 1)], axis=3)


def windows(ramp):
    """Start and extent, [B] in units of the side, of windows whose ramp [B, size] is given.

    The samples lie at start + (i + 1/2) extent - 1/2; two in the middle, away from the borders.
    """
    size = ramp.shape[1]
    low, high = size // 2 - 1, size // 2
    extent = (ramp[:, high] - ramp[:, low]) * size
    start = ramp[:, low] + 0.5 / size - (low + 0.5) * extent / size
    return start, extent


def drawn(out):
    """(top, height), (left, width) of the window of each image, in units of the sides."""
    middle = out.shape[2] // 2
    return windows(out[:, :, middle, 0]), windows(out[:, out.shape[1] // 2, :, 1])


def is_uniform(draws, low, high):
    assert low <= draws.min() and draws.max() <= high
    return stats.kstest(draws, stats.uniform(low, high - low).cdf).pvalue > LIKELY


def test_flip_mirrors_half_of_the_images():
    images = texture(2000, 2, 3, 1).astype(np.float32)
    out = np.asarray(jax.jit(ops.flip)(KEY, images, None))
    mirrored = np.all(out == images[:, :, ::-1], axis=(1, 2, 3))
    kept = np.all(out == images, axis=(1, 2, 3))
    assert np.all(mirrored ^ kept)
    assert stats.binomtest(int(mirrored.sum()), 2000, 0.5).pvalue > LIKELY


def shifts_by_pixels(image):
    """Every shift of an image (H, W, C) up to its sides, by what it looks like."""
    height, width, _ = image.shape
    padded = np.pad(image, ((height, height), (width, width), (0, 0)), mode='reflect')
    return {
        padded[height - y :, width - x :][:height, :width].tobytes(): (y, x)
        for y in range(-height, height + 1)
        for x in range(-width, width + 1)
    }


@pytest.mark.parametrize('strength', [0.5, 0.99])
def test_translation_is_a_reflecting_shift_by_whole_pixels(strength):
    image = texture(8, 6, 2).astype(np.float32)
    out = np.asarray(jax.jit(ops.translation)(KEY, np.repeat(image[None], 4000, 0), strength))
    known = shifts_by_pixels(image)  # of shifts that look the same, the last
    shifts = np.array([known[shifted.tobytes()] for shifted in out])  # KeyError: not a shift
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


def test_zoom_in_crops_and_enlarges_as_pil_does(x64):
    images = with_ramps(24, 12, 16)
    out = np.asarray(jax.jit(ops.zoom_in)(KEY, images, 0.5))
    (top, height), (left, width) = drawn(out)
    np.testing.assert_allclose(height, width, atol=1e-12)  # one α for both axes
    for i in range(24):
        y, x = top[i] * 12, left[i] * 16
        box = np.clip((x, y, x + width[i] * 16, y + height[i] * 12), 0, (16, 12, 16, 12))
        source = Image.fromarray(images[i, :, :, 2].astype(np.float32))
        expected = source.resize((16, 12), Image.Resampling.BILINEAR, box=tuple(box))
        np.testing.assert_allclose(out[i, :, :, 2], expected, atol=1e-6)


def test_zoom_in_draws_every_crop_alike(x64):
    out = np.asarray(jax.jit(ops.zoom_in)(KEY, with_ramps(2000, 8, 8), 0.5))
    (top, height), (left, width) = drawn(out)
    assert is_uniform(1 - height, 0, 0.5)
    assert is_uniform(top / (1 - height), -1e-9, 1 + 1e-9)
    assert is_uniform(left / (1 - width), -1e-9, 1 + 1e-9)
    assert abs(np.corrcoef(top / (1 - height), left / (1 - width))[0, 1]) < 0.08


def interpolate(padded, rows, columns):
    """Bilinear samples of padded [H, W] at rows × columns, pixel by pixel."""
    out = np.empty((len(rows), len(columns)))
    for i, y in enumerate(rows):
        for j, x in enumerate(columns):
            a, b = int(np.floor(y)), int(np.floor(x))
            (nw, ne), (sw, se) = padded[a : a + 2, b : b + 2]
            v, u = y - a, x - b
            out[i, j] = (1 - v) * ((1 - u) * nw + u * ne) + v * ((1 - u) * sw + u * se)
    return out


def test_zoom_out_shrinks_a_crop_of_the_reflected_image(x64):
    height, width, pad = 8, 12, 7
    images = with_ramps(12, height, width)
    out = np.asarray(jax.jit(ops.zoom_out)(KEY, images, 0.5))
    (top, tall), (left, wide) = drawn(out)
    np.testing.assert_allclose(tall, wide, atol=1e-12)
    for i in range(12):
        padded = np.pad(images[i, :, :, 2], pad, mode='reflect')
        rows = pad + top[i] * height + (np.arange(height) + 0.5) * tall[i] - 0.5
        columns = pad + left[i] * width + (np.arange(width) + 0.5) * wide[i] - 0.5
        np.testing.assert_allclose(out[i, :, :, 2], interpolate(padded, rows, columns), atol=1e-10)


def test_zoom_out_draws_every_crop_alike(x64):
    out = np.asarray(jax.jit(ops.zoom_out)(KEY, with_ramps(2000, 8, 8), 0.4))
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
    out = np.asarray(jax.jit(ops.cutout)(KEY, images, strength))
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


def test_brightness_adds_one_amount_and_clips():
    images = texture(2000, 3, 3, 3).astype(np.float32)
    images[:, 0, 0] = 0.5
    out = np.asarray(jax.jit(ops.brightness)(KEY, images, 0.3))
    amount = out[:, :1, :1, :1] - 0.5
    np.testing.assert_allclose(out, np.clip(images + amount, 0, 1), atol=2e-7)
    assert is_uniform(amount.ravel(), -0.3 - 1e-6, 0.3 + 1e-6)


def test_brightness_has_no_gradient_where_it_clips():
    images = texture(64, 3, 3, 3).astype(np.float32)
    out, pullback = jax.vjp(lambda images: ops.brightness(KEY, images, 0.9), images)
    (gradient,) = pullback(jnp.ones_like(images))
    np.testing.assert_array_equal(gradient, (out > 0) & (out < 1))


def test_simclr_crop_has_the_area_and_aspect_it_should(x64):
    images = with_ramps(2000, 8, 8)
    (top, height), (left, width) = drawn(np.asarray(jax.jit(ops._crop)(KEY, images, 0.6)))
    area, aspect = height * width, width / height
    assert is_uniform(area, 0.4 - 1e-6, 1)
    assert max(height.max(), width.max()) <= 1 + 1e-9
    limit = np.minimum(np.log(4 / 3), -np.log(area))  # the widest aspect that fits
    assert is_uniform(np.log(aspect) / limit, -1 - 1e-6, 1 + 1e-6)
    free = (height < 0.99) & (width < 0.99)  # where there is room to move
    assert is_uniform((top / (1 - height))[free], -1e-6, 1 + 1e-6)
    assert is_uniform((left / (1 - width))[free], -1e-6, 1 + 1e-6)


def test_simclr_crop_of_strength_zero_is_the_identity():
    images = texture(8, 6, 7, 3).astype(np.float32)
    np.testing.assert_array_equal(jax.jit(ops._crop)(KEY, images, jnp.float32(0)), images)


@pytest.mark.parametrize('channels', [1, 3])
def test_simclr_flips_distorts_and_grays_as_often_as_it_should(channels):
    count = 2000
    images = texture(count, 3, 3, channels).astype(np.float32)
    out = np.asarray(jax.jit(ops.simclr)(KEY, images, 0.0))
    kept = np.all(out == images, axis=(1, 2, 3))
    mirrored = np.all(out == images[:, :, ::-1], axis=(1, 2, 3))
    gray = np.all(out == out[..., :1], axis=(1, 2, 3))
    # Undistorted with probability 0.2; gray with 0.2 on its own, where there are three colours.
    plain = 0.2 * (0.8 if channels == 3 else 1.0)
    assert stats.binomtest(int(kept.sum()), count, plain / 2).pvalue > LIKELY
    assert stats.binomtest(int(mirrored.sum()), count, plain / 2).pvalue > LIKELY
    if channels == 3:
        assert stats.binomtest(int(gray.sum()), count, 0.2).pvalue > LIKELY
