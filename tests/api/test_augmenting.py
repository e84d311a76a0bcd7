"""`gan_jax.augment`: the policy's images, and refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gan_jax
from gan_jax.augment import policy
from gan_jax.runtime.errors import UserError

pytestmark = pytest.mark.usefixtures('quick')
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3)).astype(np.uint8)


def test_images_are_the_policys_and_keep_their_type():
    text = 'flip|brightness(0.5)'
    floats = jnp.asarray(IMAGES, jnp.float32) / 255
    expected = policy.parse(text)(jax.random.key(3), floats, jnp.float32(0))
    np.testing.assert_allclose(gan_jax.augment(floats, text, 3), expected, atol=1e-6)
    found = gan_jax.augment(IMAGES, text, jax.random.key(3))
    assert found.dtype == jnp.uint8
    np.testing.assert_array_equal(found, jnp.round(expected * 255).astype(jnp.uint8))
    assert not np.array_equal(found, IMAGES)


def test_strength_and_probability_are_given_or_refused():
    assert np.array_equal(gan_jax.augment(IMAGES, 'translation', 0, strength=0.0), IMAGES)
    assert np.array_equal(gan_jax.augment(IMAGES, 'p(cutout(0.5))', 0, probability=0.0), IMAGES)
    with pytest.raises(UserError, match="'translation' takes a strength: write it in"):
        gan_jax.augment(IMAGES, 'translation', 0)


def test_it_can_be_traced_in_a_step_of_ones_own():
    found = jax.jit(lambda x, key: gan_jax.augment(x, 'flip', key))(IMAGES, jax.random.key(0))
    np.testing.assert_array_equal(found, gan_jax.augment(IMAGES, 'flip', 0))


@pytest.mark.parametrize(
    ('images', 'text', 'words'),
    [
        (IMAGES[0], 'flip', r'the images are uint8 \[8, 8, 3\]: give \[N, H, W, C\]'),
        (IMAGES, 'flop', "unknown augmentation 'flop'"),
        (IMAGES, 'os.system', 'is code of os'),
        (IMAGES, 'translation(7)', 'translation'),
    ],
)
def test_what_is_none_is_refused(images, text, words):
    with pytest.raises(UserError, match=words):
        gan_jax.augment(images, text, 0)
