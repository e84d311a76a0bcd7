"""Losses at every patch: by hand, and where there are none."""

import numpy as np
import pytest

from gan_jax.terms import patches

REAL = {'logit': np.float32([1.0, -1.0]), 'patches': np.float32([[-2, 2], [0.5, -0.5]])}
FAKE = {'logit': np.float32([0.0, 2.0]), 'patches': np.float32([[3, -3], [0, 0]])}
OUT = {'real': REAL, 'fake': FAKE}


def losses(term, out=OUT):
    d, g = (getattr(term, side).loss(out, {}, None)[0] for side in 'dg')
    return {**{f'd/{k}': float(v) for k, v in d.items()}, 'g/fake': float(g['fake'])}


def test_hinge_is_the_mean_over_images_and_patches():
    """Reals -1, 3, -0.5, -1.5; fakes 3, -3, 2, 2."""
    expected = {'d/real': (2 + 0 + 1.5 + 2.5) / 4, 'd/fake': (4 + 0 + 3 + 3) / 4, 'g/fake': -1.0}
    assert losses(patches.hinge()) == pytest.approx(expected)


def test_the_logistic_loss_is_of_each_patch_and_not_of_their_mean():
    real, fake = np.array([-1, 3, -0.5, -1.5]), np.array([3, -3, 2, 2])
    expected = {
        'd/real': np.log1p(np.exp(-real)).mean(),
        'd/fake': np.log1p(np.exp(fake)).mean(),
        'g/fake': np.log1p(np.exp(-fake)).mean(),
    }
    assert losses(patches.non_saturating()) == pytest.approx(expected)


@pytest.mark.parametrize('name', ['hinge', 'non_saturating'])
def test_a_logit_without_patches_is_refused(name):
    out = {n: {'logit': record['logit']} for n, record in OUT.items()}
    with pytest.raises(ValueError, match=r"'patches' .* take gan_jax.models.patches.PatchLogit"):
        losses(getattr(patches, name)(), out)
