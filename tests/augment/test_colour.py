"""Colour changes against dm_pix or their definition."""

import colorsys

import dm_pix
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.augment import colour

IMAGES = np.random.default_rng(2).uniform(size=(5, 4, 6, 3)).astype(np.float32)
CHANNELS = [IMAGES[..., c] for c in range(3)]
FACTORS = np.array([0.0, 0.6, 1.0, 1.2, 1.4], np.float32)
LUMA = np.array([0.299, 0.587, 0.114])


def joined(channels):
    return np.stack(channels, axis=3)


def test_scale_multiplies():
    out = joined(colour.scale(CHANNELS, FACTORS))
    np.testing.assert_array_equal(out, IMAGES * FACTORS[:, None, None, None])


def test_contrast_is_dm_pixs():
    out = joined(colour.contrast(CHANNELS, FACTORS))
    for i, factor in enumerate(FACTORS):
        expected = dm_pix.adjust_contrast(IMAGES[i], factor)
        np.testing.assert_allclose(out[i], expected, atol=1e-6)


def test_grayscale_is_dm_pixs():
    out = joined(colour.grayscale(CHANNELS))
    expected = dm_pix.rgb_to_grayscale(IMAGES, keep_dims=True)
    # dm_pix takes 0.2989 for the red of luma.
    np.testing.assert_allclose(out, np.broadcast_to(expected, out.shape), atol=1.01e-4)
    np.testing.assert_allclose(out[..., 1], IMAGES @ LUMA, atol=1e-6)


def test_saturation_moves_along_the_line_to_gray():
    out = joined(colour.saturation(CHANNELS, FACTORS))
    gray = (IMAGES @ LUMA)[..., None]
    expected = gray + FACTORS[:, None, None, None] * (IMAGES - gray)
    np.testing.assert_allclose(out, expected, atol=1e-6)


def test_hue_keeps_luma_and_gray(x64):
    turn = np.linspace(-0.5, 0.5, 5)
    np.testing.assert_allclose(joined(colour.hue(CHANNELS, turn)) @ LUMA, IMAGES @ LUMA, atol=1e-6)
    gray = [CHANNELS[0].astype(np.float64)] * 3
    np.testing.assert_allclose(colour.hue(gray, turn), gray, atol=1e-3)  # printed to 4 digits


def test_hue_is_a_rotation(x64):
    channels = [c.astype(np.float64) for c in CHANNELS]
    for turn in (np.zeros(5), np.ones(5)):
        np.testing.assert_allclose(colour.hue(channels, turn), channels, atol=1e-3)
    there = colour.hue(channels, np.full(5, 0.3))
    np.testing.assert_allclose(
        colour.hue(there, np.full(5, -0.1)), colour.hue(channels, np.full(5, 0.2)), atol=1e-3
    )
    turned = joined(colour.hue(channels, np.full(5, 0.17)))
    np.testing.assert_allclose(
        np.linalg.norm(turned @ colour.YIQ[1:].T, axis=3),
        np.linalg.norm(joined(channels) @ colour.YIQ[1:].T, axis=3),
        atol=1e-3,
    )


def test_hue_runs_as_hsvs_does():
    # A third of a turn leads from red to green to blue, and a tenth from each towards the next.
    for first in range(3):
        pure = [np.full((1, 1, 1), float(c == first), np.float32) for c in range(3)]
        third = np.ravel(colour.hue(pure, np.full(1, 1 / 3, np.float32)))
        assert np.argmax(third) == (first + 1) % 3
        turned = np.clip(np.ravel(colour.hue(pure, np.full(1, 0.1, np.float32))), 0, 1)
        moved = colorsys.rgb_to_hsv(*turned)[0] - first / 3
        assert 0.02 < moved % 1 < 0.2


@pytest.mark.parametrize('count', [1, 2, 4])
def test_other_channel_counts_have_brightness_and_contrast_only(count):
    channels = [CHANNELS[c % 3] for c in range(count)]
    assert colour.grayscale(channels) == channels
    assert colour.hue(channels, FACTORS) == channels
    np.testing.assert_array_equal(colour.saturation(channels, FACTORS), channels)


def test_clip_keeps_the_gradient_at_the_bounds():
    images = jnp.array([-0.1, 0.0, 0.5, 1.0, 1.1])
    out, pullback = jax.vjp(colour.clip, images)
    np.testing.assert_array_equal(out, jnp.clip(images, 0, 1))
    np.testing.assert_array_equal(pullback(jnp.ones(5))[0], [0, 1, 1, 1, 0])
