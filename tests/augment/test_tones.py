"""The laws by which the ops on tones and on detail draw, read from their results."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan_jax.augment import colour, ops
from tests import small
from tests.augment.ramps import LIKELY, is_uniform, texture
from tests.small import new_key


def test_brightness_adds_one_amount_and_clips():
    images = texture(2000, 3, 3, 3).astype(np.float32)
    images[:, 0, 0] = 0.5
    out = np.asarray(small.jit(ops.brightness)(new_key(11), images, 0.3))
    amount = out[:, :1, :1, :1] - 0.5
    np.testing.assert_allclose(out, np.clip(images + amount, 0, 1), atol=2e-7)
    assert is_uniform(amount.ravel(), -0.3 - 1e-6, 0.3 + 1e-6)


def test_brightness_has_no_gradient_where_it_clips():
    images = texture(64, 3, 3, 3).astype(np.float32)
    out, pullback = jax.vjp(lambda images: ops.brightness(new_key(11), images, 0.9), images)
    (gradient,) = pullback(jnp.ones_like(images))
    np.testing.assert_array_equal(gradient, (out > 0) & (out < 1))


@pytest.mark.parametrize('channel', range(3))
def test_a_tint_adds_to_its_channel_alone(channel):
    op = (ops.redness, ops.greenness, ops.blueness)[channel]
    images = np.full((2000, 1, 1, 3), 0.5, np.float32)
    moved = np.asarray(small.jit(op)(new_key(11), images, 0.3))[:, 0, 0] - 0.5
    assert is_uniform(moved[:, channel], -0.3 - 1e-6, 0.3 + 1e-6)
    assert not np.delete(moved, channel, axis=1).any()


def test_contrast_and_saturation_draw_their_factor():
    pixels = np.array([[0.6, 0.5, 0.45], [0.5, 0.45, 0.5]])  # not clipped by factors up to 1.6
    images = np.tile(pixels[:, None].astype(np.float32), (2000, 1, 1, 1))  # [B, 2, 1, 3]
    out = np.asarray(small.jit(ops.contrast)(new_key(11), images, 0.6))
    assert is_uniform((out[:, 0, 0, 0] - out[:, 1, 0, 0]) / 0.1, 0.4 - 1e-5, 1.6 + 1e-5)
    out = np.asarray(small.jit(ops.saturation)(new_key(11), images, 0.6))
    assert is_uniform((out[:, 0, 0, 0] - out[:, 0, 0, 1]) / 0.1, 0.4 - 1e-5, 1.6 + 1e-5)


def test_hue_draws_its_turn():
    pixel = np.array([0.5, 0.45, 0.42], np.float32)
    out = np.asarray(small.jit(ops.hue)(new_key(11), np.tile(pixel, (2000, 1, 1, 1)), 0.3))[:, 0, 0]
    chroma = colour.YIQ[1:] @ np.stack([pixel, *out], axis=1)
    angle = np.arctan2(chroma[1], chroma[0])
    turn = (angle[0] - angle[1:]) / (2 * np.pi)
    assert is_uniform((turn + 0.5) % 1 - 0.5, -0.301, 0.301)


def test_grayscale_is_as_likely_as_its_strength():
    images = texture(2000, 1, 1, 3).astype(np.float32)
    out = np.asarray(small.jit(ops.grayscale)(new_key(11), images, 0.3))
    gray = np.all(out == out[..., :1], axis=(1, 2, 3))
    np.testing.assert_array_equal(out[~gray], images[~gray])
    assert stats.binomtest(int(gray.sum()), 2000, 0.3).pvalue > LIKELY
    out = np.asarray(small.jit(ops.grayscale)(new_key(11), images, 1.0))
    assert np.all(out == out[..., :1])


def test_instance_noise_is_normal_and_independent():
    images = np.full((16, 12, 10, 3), 0.5, np.float32)
    noise = (np.asarray(small.jit(ops.instance_noise)(new_key(11), images, 0.1)) - 0.5) / 0.1
    assert abs(noise).max() < 5  # not clipped
    assert stats.kstest(noise.ravel(), stats.norm.cdf).pvalue > LIKELY
    for axis in range(4):
        ahead, behind = np.delete(noise, 0, axis), np.delete(noise, -1, axis)
        assert abs(np.corrcoef(ahead.ravel(), behind.ravel())[0, 1]) < 0.05


def test_blur_draws_its_deviation(x64):
    images = np.zeros((2000, 5, 5, 1))
    images[:, 2, 2] = 1  # a point shows the kernel
    out = np.asarray(small.jit(ops.blur)(new_key(11), images, 0.8))
    centre, beside = out[:, 2, 2, 0], out[:, 2, 3, 0]
    seen = beside > 1e-5  # weights are whole multiples of 2^-23
    deviation = np.sqrt(0.5 / np.log(centre[seen] / beside[seen]))
    low = deviation.min()
    assert low < 0.25  # narrower ones show nothing
    assert is_uniform(deviation, low, 1.601)
    np.testing.assert_allclose(seen.mean(), (1.6 - low) / (1.6 - 0.08), atol=0.03)


@pytest.mark.parametrize(('height', 'taps'), [(8, 3), (32, 3), (40, 5), (128, 13)])
def test_blur_is_as_wide_as_simclrs(height, taps):
    images = np.zeros((16, height, 3, 1), np.float32)
    images[:, height // 2, 1] = 1
    out = np.asarray(small.jit(ops.blur)(new_key(11), images, 1.0))[:, :, 1, 0]
    assert np.count_nonzero(out, axis=1).max() == taps


def test_blur_leaves_white_as_it_is():
    white = np.ones((64, 128, 4, 1), np.float32)
    np.testing.assert_array_equal(small.jit(ops.blur)(new_key(11), white, 1.0), white)
