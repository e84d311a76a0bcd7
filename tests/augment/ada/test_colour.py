"""The changes of colour against the published code, and by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.augment.ada import colour
from gan_jax.augment.ada.colour import NEUTRAL, Colour
from gan_jax.testing import small
from tests.augment.ramps import texture
from tests.augment.references.published import differs, numbers

ONE = jnp.float32(1)


def drawn(name):
    return colour.parameters(*numbers(f'colour/{name}', 'uniforms', 'normals', 'gates'), ONE)


def changed(images, **changes):
    values = [jnp.full(len(images), value, images.dtype) for value in NEUTRAL]
    changes = {k: jnp.full(len(images), v, images.dtype) for k, v in changes.items()}
    return colour.recoloured(images, colour.matrix(Colour(*values)._replace(**changes)))


@pytest.mark.parametrize('name', [*Colour._fields, 'all', 'gray'])
def test_is_the_published_code(name):
    (images,) = numbers('colour/gray' if name == 'gray' else 'colour', 'images')
    found = colour.recoloured(images, colour.matrix(drawn(name)))
    assert differs(found, f'colour/{name}') < 1e-6


@pytest.mark.parametrize(
    'planted',
    [
        lambda c: c._replace(hue=-c.hue),
        lambda c: c._replace(brightness=2 * c.brightness),
        lambda c: c._replace(luma_flip=1 - c.luma_flip),
        lambda c: c._replace(saturation=1 / c.saturation),
    ],
)
def test_the_published_code_tells_errors(planted):
    (images,) = numbers('colour', 'images')
    found = colour.recoloured(images, colour.matrix(planted(drawn('all'))))
    assert differs(found, 'colour/all') > 0.1


def test_changes_by_hand():
    images = jnp.asarray([[[[0.5, -0.25, 0.5]]]])  # luma 1/4
    expected = {
        'brightness': [0.75, 0, 0.75],
        'contrast': [0.125, -0.0625, 0.125],
        'luma_flip': [0, -0.75, 0],
        'saturation': [0.3125, 0.125, 0.3125],
    }
    amounts = dict(brightness=0.25, contrast=0.25, luma_flip=1, saturation=0.25)
    for name, pixel in expected.items():
        found = changed(images, **{name: amounts[name]})[0, 0, 0]
        np.testing.assert_allclose(found, pixel, rtol=0, atol=1e-6)
    both = changed(images, brightness=0.25, contrast=2)[0, 0, 0]  # brightness first
    np.testing.assert_allclose(both, [1.5, 0, 1.5], rtol=0, atol=1e-6)


def test_hue_by_a_third_of_a_circle_takes_red_to_green():
    images = jnp.asarray([[[[0.5, -0.25, 0.125]]]])
    found = changed(images, hue=2 * np.pi / 3)[0, 0, 0]
    np.testing.assert_allclose(found, [0.125, 0.5, -0.25], rtol=0, atol=1e-6)


def test_gray_images_have_luma_alone():
    images = jnp.asarray([[[[0.5]]]])
    found = changed(images, brightness=0.25, contrast=2, luma_flip=1, hue=1, saturation=3)
    np.testing.assert_allclose(found[0, 0, 0], [-1.5], rtol=0, atol=1e-6)


@pytest.mark.parametrize('channels', [2, 4])
def test_other_numbers_of_channels_are_refused(channels):
    with pytest.raises(ValueError, match=f'need images of 3 channels or of 1, got {channels}'):
        changed(jnp.zeros((1, 2, 2, channels)))


def test_amounts_come_of_their_numbers():
    numbers = np.float32([[0.75], [0.75]]), np.full((3, 1), -1, np.float32), np.zeros((5, 1))
    found = colour.parameters(*(jnp.float32(n) for n in numbers), ONE)
    expected = (-0.2, 2**-0.5, 1, np.pi / 2, 0.5)
    np.testing.assert_allclose(np.stack(found)[:, 0], expected, rtol=1e-6)


def test_the_gradient_is_the_slope_in_a_hue_and_in_the_image(x64):
    images, cotangent = jnp.asarray(texture(2, 1, 2, 3, 3)) - 0.5

    def product(images, hue):
        values = [jnp.full(1, value, images.dtype) for value in (0.1, 1.2, 1, 0, 0.8)]
        matrix = colour.matrix(Colour(*values)._replace(hue=hue[None]))
        return jnp.sum(colour.recoloured(images, matrix) * cotangent)

    value = small.jit(product)
    step, hue = 1e-6, jnp.float64(0.7)
    in_image, in_hue = small.jit(jax.grad(product, (0, 1)))(images, hue)
    slope = (value(images, hue + step) - value(images, hue - step)) / (2 * step)
    np.testing.assert_allclose(in_hue, slope, rtol=1e-7)
    pixel = jnp.zeros_like(images).at[0, 1, 2, 1].set(step)
    slope = (value(images + pixel, hue) - value(images - pixel, hue)) / (2 * step)
    np.testing.assert_allclose(in_image[0, 1, 2, 1], slope, rtol=1e-7)
