"""The filter of four bands against the published code, and by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.augment.ada import bands
from gan_jax.augment.ada.bands import Bands
from tests.augment.ramps import texture
from tests.augment.references import ada
from tests.augment.references.published import differs, numbers

ONE = jnp.float32(1)


def drawn(name):
    return bands.parameters(*numbers(f'bands/{name}', 'normals', 'gates'), ONE)


@pytest.mark.slow
@pytest.mark.parametrize('name', [*Bands._fields, 'all'])
def test_is_the_published_code(name):
    (images,) = numbers('bands', 'images')
    assert differs(bands.filtered(images, bands.gains(drawn(name))), f'bands/{name}') < 1e-5


@pytest.mark.parametrize(
    'planted',
    [
        lambda b: Bands(*b[::-1]),
        lambda b: Bands(*[1 / amplitude for amplitude in b]),
        lambda b: Bands(*[amplitude**2 for amplitude in b]),
    ],
)
def test_the_published_code_tells_errors(planted):
    (images,) = numbers('bands', 'images')
    assert differs(bands.filtered(images, bands.gains(planted(drawn('all')))), 'bands/all') > 0.1


def test_gains_by_hand():
    doubled = Bands(*jnp.float32([[2], [1], [1], [2]]))
    # 10/13 of the power is four times as much, then 1/13 of it.
    expected = np.array([2, 1, 1, 2]) / np.sqrt(43 / 13 * 16 / 13)
    np.testing.assert_allclose(bands.gains(doubled)[0], expected, rtol=1e-6)
    neutral = Bands(*jnp.ones((4, 1)))
    np.testing.assert_array_equal(bands.gains(neutral), np.ones((1, 4)))


def test_a_smaller_image_than_the_filter_is_mirrored_again():
    image = texture(5, 7, 2).astype(np.float32)
    gains = np.float32([1.5, 0.5, 2, 0.25])
    found = bands.filtered(jnp.asarray(image[None]), jnp.asarray(gains[None]))[0]
    np.testing.assert_allclose(found, ada.filtered(image.astype(float), gains), rtol=0, atol=2e-6)


def test_amounts_come_of_their_numbers():
    found = bands.parameters(jnp.float32([[1], [-1], [2], [3]]), jnp.zeros((4, 1)), ONE)
    np.testing.assert_allclose(np.stack(found)[:, 0], [2, 0.5, 4, 8], rtol=1e-6)
