"""Images beside those of a shifted input: the shifts, and what both images have in common."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.data.autoencoder import Decoder
from gan_jax.keys import named
from gan_jax.latents import NORMAL, draw_by_index
from gan_jax.sampling.shifts import make_shifts, takes_shift
from tests.models.generators import GENERATORS

COUNTS = (1, 3)
SEED = 4


def shifts_of(generator, fractional, **options):
    """block -> what `make_shifts` makes, in NumPy."""
    made = make_shifts(generator, fractional, latent_dim=2, class_counts=COUNTS, **options)
    return lambda block: tuple(map(np.asarray, made({}, SEED, block)))


class Told(nn.Module):
    """Images of 16 by 32 that tell the first number of w, the class, noise, and the shift."""

    dtype: Any = jnp.float32
    truncation: float = 1.0
    clipped: bool = True

    @nn.compact
    def __call__(self, z, label, *, train):
        assert self.dtype == jnp.float32 or train
        w = self.truncation * jnp.tanh(z)
        return {**self.synthesize(w, label, train=train), 'w': w}

    def synthesize(self, w, label, *, train, shift=None):
        noise = jax.random.normal(self.make_rng('noise'), (len(w),))
        shift = jnp.zeros((len(w), 2)) if shift is None else shift
        told = jnp.stack([w[:, 0], label.astype(w.dtype), noise, *shift.T], axis=1)
        image = jnp.broadcast_to(told[:, None, None], (len(w), 16, 32, 5))
        return {'image': jnp.clip(image, 0, 1) if self.clipped and not train else image}


class Unshifted(nn.Module):
    """A generator whose images have a w, and no input to shift."""

    @nn.compact
    def __call__(self, z, label, *, train):
        return {**self.synthesize(z, label, train=train), 'w': z}

    def synthesize(self, w, label, *, train):
        return {'image': w[:, :, None, None]}


def test_only_the_shift_differs():
    still, moved, pixels = shifts_of(Told(jnp.bfloat16), True)(1)
    assert still.shape == moved.shape == (100, 16, 32, 5) and pixels.shape == (100, 2)
    index = np.arange(100, 200)
    z = draw_by_index(NORMAL, named(jax.random.key(SEED), 'sample'), index, 2)
    np.testing.assert_allclose(still[:, 0, 0, 0], np.tanh(z[:, 0]), atol=1e-6)
    assert {*still[:, 0, 0, 1]} == {0, 1} and 0.8 < still[:, 0, 0, 2].std() < 1.2
    np.testing.assert_array_equal(moved[..., :3], still[..., :3])
    assert not still[..., 3:].any()
    np.testing.assert_allclose(moved[:, 3, 7, 3:] * [32, 16], pixels, atol=1e-6)


@pytest.mark.parametrize('fractional', [True, False])
def test_shifts_are_even_within_an_eighth_of_the_side(fractional):
    shifts = shifts_of(Told(), fractional)
    pixels = np.concatenate([shifts(block)[2] for block in range(20)])
    for found, farthest in zip(pixels.T, (4, 2), strict=True):
        assert np.abs(found).max() <= farthest
        if fractional:
            counts = np.histogram(found, 8, (-farthest, farthest))[0]
            assert np.all(np.abs(counts / 250 - 1) < 0.25)
        else:  # the outermost whole pixels have half the chance of the others
            values, counts = np.unique(found, return_counts=True)
            np.testing.assert_array_equal(values, np.arange(-farthest, farthest + 1))
            chances = np.array([0.5, *[1] * (2 * farthest - 1), 0.5]) / (2 * farthest)
            assert np.all(np.abs(counts / 2000 - chances) < 0.035)
    assert abs(np.corrcoef(pixels.T)[0, 1]) < 0.08


def test_images_are_neither_truncated_nor_cut_off_nor_undecoded():
    plain = shifts_of(Told(), True)(0)
    assert plain[0].min() < 0 and plain[0].max() > 1
    half = shifts_of(Told(truncation=0.5), True)(0)
    np.testing.assert_array_equal(half[0], plain[0])
    decoder = Decoder(np.float32(9), lambda weight, codes: weight * codes.repeat(2, 2))
    still, moved, pixels = shifts_of(Told(), True, decoder=decoder)(0)
    np.testing.assert_allclose(still, 9 * plain[0].repeat(2, 2), rtol=1e-6)
    np.testing.assert_allclose(pixels, plain[2] * np.array([2, 1]), rtol=1e-6)  # of 64 columns
    np.testing.assert_allclose(moved[:, 0, 0, 3:] / 9 * np.array([64, 16]), pixels, atol=1e-5)


def test_a_generator_takes_a_shift_or_does_not():
    assert takes_shift(Told(), 2) is True
    assert takes_shift(Unshifted(), 2) is False


@pytest.mark.slow
def test_stylegan3_takes_a_shift_and_stylegan2_does_not():
    assert takes_shift(GENERATORS['stylegan3 with classes'].network, 12)
    assert not takes_shift(GENERATORS['stylegan2'].network, 12)
