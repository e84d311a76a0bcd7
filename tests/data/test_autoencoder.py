"""An autoencoder of one's own: its contract, and the way from what networks see to images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.data import autoencoder, digits
from gan_jax.data.autoencoder import PORTION, Autoencoder
from tests.a_fork import autoencoders

IMAGES = digits.read_digits('test').images
RECORD = {'offset': [1.0, -2.0, 0.25], 'scale': [0.5, 3.0, 2.0]}


@pytest.fixture(scope='module')
def patches():
    return autoencoders.patches()


def squared_errors(own):
    """Of each 2×2 patch, float64 [n, 8, 8]."""
    images = IMAGES.astype(np.float32) / 255
    decoded = np.asarray(own.decode(own.variables, own.encode(own.variables, images)))
    return ((decoded - images).astype(float) ** 2).reshape(-1, 8, 2, 8, 2).sum((2, 4))


def test_what_is_lost_is_what_the_components_left_out_hold(patches):
    images = digits.read_digits('train').images.astype(float) / 255
    cut = images.reshape(-1, 8, 2, 8, 2).swapaxes(2, 3).reshape(-1, 4)
    spread = np.linalg.eigvalsh(np.cov(cut.T))  # ascending
    assert squared_errors(patches).mean() == pytest.approx(spread[0], rel=0.2)  # held-out digits
    assert squared_errors(autoencoders.patches(keep=4)).max() < 1e-10


def test_images_are_encoded_in_0_to_1_and_each_by_itself(patches):
    encode = autoencoder.make_encode(patches)
    whole = encode(IMAGES[: PORTION + 7])
    assert (whole.dtype, whole.shape) == (np.float32, (PORTION + 7, 8, 8, 3))
    expected = patches.encode(patches.variables, IMAGES[: PORTION + 7].astype(np.float32) / 255)
    np.testing.assert_allclose(whole, expected, atol=1e-6)
    np.testing.assert_array_equal(encode(IMAGES[3:9]), whole[3:9])
    codes = autoencoder.make_encode(autoencoders.bytes_of_patches())(IMAGES[:3])
    assert codes.dtype == np.uint8
    np.testing.assert_array_equal(codes[:, :, :, 0], IMAGES[:3, ::2, ::2, 0])


@pytest.mark.parametrize('count', [1, PORTION - 1, 5 * PORTION])
def test_a_decoder_takes_what_networks_see_to_the_autoencoders_numbers(patches, count):
    seen = np.random.default_rng(0).normal(0.5, 1, (count, 8, 8, 3)).astype(np.float32)
    variables, decode = autoencoder.make_decoder(patches, RECORD)
    numbers = np.array(RECORD['offset']) + np.array(RECORD['scale']) * seen  # by channel
    vectors = numbers @ np.float64(patches.variables['basis']).T + patches.variables['mean']
    expected = vectors.reshape(count, 8, 8, 2, 2).swapaxes(2, 3).reshape(count, 16, 16, 1)
    found = jax.jit(decode)(variables, seen)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.min() < 0 and found.max() > 1  # clipped by who shows them


def test_the_weights_are_arguments_and_no_constants_of_the_program(patches):
    variables, decode = autoencoder.make_decoder(patches, RECORD)
    other = {**variables, 'mean': variables['mean'] + 1}
    seen = np.zeros((2, 8, 8, 3), np.float32)
    moved = decode(other, seen) - decode(variables, seen)
    np.testing.assert_allclose(moved, 1, rtol=1e-5)


def test_the_digest_is_of_the_weights(patches):
    mine = autoencoder.digest(patches)
    assert mine == autoencoder.digest(autoencoders.patches())
    for changed in ({'mean': patches.variables['mean'] + 1}, {'more': np.zeros(1)}):
        other = patches._replace(variables={**patches.variables, **changed})
        assert autoencoder.digest(other) != mine


def test_the_shape_of_a_code_is_traced(patches):
    assert autoencoder.code_of(patches, (16, 16, 1)).shape == (8, 8, 3)
    code = autoencoder.code_of(autoencoders.bytes_of_patches(), (4, 16, 1))
    assert (code.shape, code.dtype) == ((2, 8, 4), jnp.uint8)


def plain(variables, x):
    return x


@pytest.mark.parametrize(
    ('encode', 'decode', 'said'),
    [
        (lambda v, x: x.mean((1, 2)), plain, r'encode returns is an array \[20, 1\] where'),
        (lambda v, x: x[:3], plain, r'encode returns is an array \[3, 16, 16, 1\] where'),
        (lambda v, x: x.astype(int), plain, 'encode returns is int32: give floats or uint8'),
        (lambda v, x: {'mean': x}, plain, 'encode returns is a dict where an array'),
        (plain, lambda v, x: x[:, ::2], r'decode returns is an array \[20, 8, 16, 1\] where'),
        (plain, lambda v, x: x.astype(jnp.uint8), 'decode returns is uint8: give floats$'),
    ],
)
def test_anything_else_is_refused(encode, decode, said):
    with pytest.raises(TypeError, match=said):
        autoencoder.code_of(Autoencoder((), encode, decode), (16, 16, 1))
