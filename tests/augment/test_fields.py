"""The laws of random fields."""

import numpy as np
import pytest
from scipy import stats

from gan_jax.augment import fields, ops
from tests import small
from tests.augment.exact import distance
from tests.augment.ramps import LIKELY
from tests.augment.references import fields as references
from tests.small import new_key


@pytest.mark.slow
def test_is_its_reference_in_float64(x64):
    assert distance(ops.random_field, references.random_field) < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize(
    ('constant', 'wrong'),
    [('LENGTH', 0.5), ('DISPLACEMENT', -1 / 16), ('BRIGHTNESS', 0.8), ('BRIGHTNESS', -0.4)],
)
def test_the_reference_rejects_another_constant(constant, wrong, x64, monkeypatch):
    monkeypatch.setattr(fields, constant, wrong)
    assert distance(ops.random_field, references.random_field) > 0.01


def test_a_field_has_unit_variance_and_the_correlation_of_its_length(x64):
    noise = np.random.default_rng(0).standard_normal((4000, 40, 12))
    field = np.asarray(fields._smooth(noise))
    np.testing.assert_allclose(field.var(axis=0), 1, atol=0.12)
    assert stats.kstest(field[:, 7, 3], stats.norm.cdf).pvalue > LIKELY
    apart = np.arange(11)
    middle = np.corrcoef(field[:, 15:26, 6].T)[0]
    np.testing.assert_allclose(middle, np.exp(-(apart**2) / (2 * 10**2)), atol=0.05)


def test_pixels_move_by_a_sixteenth_of_the_side():
    # A ramp along the width shows the displacement; the third channel's brightness is that of all.
    height, width = 24, 32
    ramp = np.broadcast_to(np.arange(width) / 100 + 0.3, (600, height, width))
    flat = np.full_like(ramp, 0.3)
    images = np.stack([ramp, flat], axis=3).astype(np.float32)
    out = np.asarray(small.jit(ops.random_field)(new_key(11), images, 0.5)).astype(float)
    light = out[..., 1] / 0.3
    assert abs((light - 1)[:, 12, 16].std() - 0.2) < 0.015
    shift = (100 * (out[..., 0] / light - 0.3) - np.arange(width))[:, 12, 16]
    assert stats.kstest(shift, stats.norm(0, 0.5 * width / 16).cdf).pvalue > LIKELY
