"""The laws by which SimCLR's crop, jitter and coins are drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan_jax.augment import colour, simclr
from tests import small
from tests.augment.ramps import LIKELY, drawn, is_uniform, texture, with_ramps
from tests.small import new_key


def test_simclr_crop_has_the_area_and_aspect_it_should(x64):
    images = with_ramps(2000, 8, 8)
    (top, height), (left, width) = drawn(
        np.asarray(small.jit(simclr.crop)(new_key(11), images, 0.6))
    )
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
    np.testing.assert_array_equal(
        small.jit(simclr.crop)(new_key(11), images, jnp.float32(0)), images
    )


@pytest.mark.parametrize('channels', [1, 3])
def test_simclr_flips_distorts_and_grays_as_often_as_it_should(channels):
    count = 2000
    images = texture(count, 3, 3, channels).astype(np.float32)
    out = np.asarray(small.jit(simclr.simclr)(new_key(11), images, 0.0))
    kept = np.all(out == images, axis=(1, 2, 3))
    mirrored = np.all(out == images[:, :, ::-1], axis=(1, 2, 3))
    gray = np.all(out == out[..., :1], axis=(1, 2, 3))
    # Undistorted with probability 0.2; gray with 0.2 on its own, where there are three colours.
    plain = 0.2 * (0.8 if channels == 3 else 1.0)
    assert stats.binomtest(int(kept.sum()), count, plain / 2).pvalue > LIKELY
    assert stats.binomtest(int(mirrored.sum()), count, plain / 2).pvalue > LIKELY
    if channels == 3:
        assert stats.binomtest(int(gray.sum()), count, 0.2).pvalue > LIKELY


def test_jitter_draws_within_simclrs_bounds():
    # With two channels only brightness and contrast act: the spread of an image tells their product
    # and its mean brightness, where nothing is clipped.
    images = np.tile(np.array([0.45, 0.55], np.float32), (4000, 1, 1))  # [B, 1, 2]
    low, high = np.asarray(simclr.jitter(jax.random.key(0), [images, images])[0]).T[:, 0]
    brightness = low + high
    contrast = (high - low) / 0.1 / brightness
    for factor in (brightness, contrast):
        assert 0.6 - 1e-4 <= factor.min() < 0.61 and 1.39 < factor.max() <= 1.4 + 1e-4
        assert abs(factor.mean() - 1) < 0.02
    assert abs(np.corrcoef(brightness, contrast)[0, 1]) < 0.05


def test_jitter_draws_saturation_and_hue_within_simclrs_bounds():
    # A colour of low chroma, uniform over the image, so that contrast and clipping change nothing.
    pixel = np.array([0.5, 0.45, 0.42], np.float32)
    channels = [np.full((4000, 1, 1), c, np.float32) for c in pixel]
    out = np.ravel(simclr.jitter(jax.random.key(0), channels)).reshape(3, 4000)
    (luma, i, q), (lumas, i_out, q_out) = colour.YIQ @ pixel, colour.YIQ @ out
    saturation = np.hypot(i_out, q_out) / np.hypot(i, q) * luma / lumas
    turn = -(np.arctan2(q_out, i_out) - np.arctan2(q, i)) / (2 * np.pi)
    assert 0.59 < saturation.min() < 0.61 and 1.39 < saturation.max() < 1.41
    assert -0.101 < turn.min() < -0.099 and 0.099 < turn.max() < 0.101
    assert abs(turn.mean()) < 0.004 and abs(saturation.mean() - 1) < 0.02
