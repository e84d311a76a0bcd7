"""The laws of draws that no op shows plainly."""

import jax.numpy as jnp
import numpy as np
from scipy import stats

from gan_jax.augment import draws
from tests.augment.ramps import LIKELY
from tests.small import new_key


def test_gaussian_draws_are_normal_and_independent(x64):
    images = jnp.zeros((3000, 1, 1, 1))
    drawn = draws.gaussian(new_key(3), images, 3)
    assert drawn.shape == (3, 3000) and drawn.dtype == images.dtype
    assert stats.kstest(np.ravel(drawn), stats.norm.cdf).pvalue > LIKELY
    assert np.all(np.abs(np.corrcoef(drawn) - np.eye(3)) < 0.06)
    narrow = draws.gaussian(new_key(3), images.astype(jnp.float32), 3)
    np.testing.assert_array_equal(drawn, narrow.astype(drawn.dtype))
