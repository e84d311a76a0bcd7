"""The autoencoder without training: an orthonormal part of the cosines of a block."""

import numpy as np
import pytest
import scipy.fft

from gan_jax.data import autoencoder, cosines
from gan_jax.experiment import images, kinds
from gan_jax.runtime import load
from gan_jax.runtime.errors import UserError

PATH = 'gan_jax.data.cosines.cosines'


@pytest.fixture(scope='module')
def own():
    return cosines.cosines()


def encoded(own, pixels):
    return np.asarray(own.encode(own.variables, np.float32(pixels)))


def decoded(own, codes):
    return np.asarray(own.decode(own.variables, np.float32(codes)))


def test_the_vectors_are_orthonormal():
    vectors = cosines.basis().reshape(-1, 32)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(32), atol=1e-12)


def test_of_grey_images_codes_are_the_lowest_cosines_of_each_block(own):
    """By scipy's transform; of colours, whose differences are 0 here, nothing is left."""
    grey = np.random.default_rng(0).random((2, 16, 24))
    codes = encoded(own, np.repeat(grey[..., None], 3, axis=3))
    assert codes.shape == (2, 2, 3, 32)
    block = np.sqrt(3) * scipy.fft.dctn(grey[1, 8:16, 16:24], norm='ortho')
    lowest = [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0)]
    np.testing.assert_allclose(codes[1, 1, 2, :6], [block[at] for at in lowest], atol=1e-5)
    np.testing.assert_allclose(codes[..., 20:], 0, atol=1e-5)


def test_what_is_decoded_is_the_nearest_image_and_flat_colours_stay(own):
    flat = np.broadcast_to([0.2, 0.7, 0.4], (1, 8, 16, 3))
    np.testing.assert_allclose(decoded(own, encoded(own, flat)), flat, atol=1e-6)
    noise = np.random.default_rng(1).random((1, 16, 8, 3))
    codes = encoded(own, noise)
    rest = noise - decoded(own, codes)
    np.testing.assert_allclose(encoded(own, rest), 0, atol=1e-5)  # orthogonal to all codes
    assert np.sum(rest**2) == pytest.approx(np.sum(noise**2) - np.sum(codes**2), rel=1e-4)


def test_smooth_images_lose_little(own):
    rows, columns = np.mgrid[:32, :32] / 32
    smooth = np.stack([rows, columns, (rows + columns) / 2], axis=-1)[None]
    assert np.abs(decoded(own, encoded(own, smooth)) - smooth).max() < 0.02


def test_a_config_of_somebody_elses_may_name_it():
    found = load.resolve(PATH, kinds.AUTOENCODER, allow=())
    assert autoencoder.code_of(found(), (256, 256, 3)).shape == (32, 32, 32)


@pytest.mark.parametrize(
    ('shape', 'said'),
    [
        ((32, 32, 1), 'three channels, and these have 1: take images in colours'),
        ((32, 36, 3), 'multiples of 8, not 32x36: change data.size'),
    ],
)
def test_other_images_are_refused(shape, said):
    with pytest.raises(UserError, match=f'^config.data.autoencoder: cosines takes .*{said}'):
        images.build_autoencoder({'fn': PATH}, shape)
