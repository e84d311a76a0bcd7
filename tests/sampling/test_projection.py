"""Projection into w, with generators whose answer is known."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.latents import NORMAL
from gan_jax.sampling import projection
from tests.models.generators import GENERATORS

SIDE, UNITS = 8, 3


class Linear(nn.Module):
    """w = 2 z + 1, and images that are linear in w."""

    def setup(self):
        self.kernel = self.param('kernel', nn.initializers.normal(0.05), (UNITS, SIDE * SIDE))

    def __call__(self, z, label, *, train):
        w = jnp.repeat(2 * z[:, None] + 1, 2, axis=1)
        return {**self.synthesize(w, label, train=train), 'w': w}

    def synthesize(self, w, label, *, train):
        return {'image': 0.5 + (w.mean(1) @ self.kernel).reshape(-1, SIDE, SIDE, 1)}


@pytest.fixture(scope='module')
def linear():
    generator, label = Linear(), jnp.zeros(1, jnp.int32)
    variables = generator.init(jax.random.key(1), jnp.zeros((1, UNITS)), label, train=False)
    options = dict(latent=NORMAL, latent_dim=UNITS, class_counts=(1,))
    return generator, variables, projection.cloud(generator, variables, **options)


def test_the_cloud_is_that_of_the_latents(linear):
    around = linear[2]
    np.testing.assert_allclose(around.mean, 1, atol=0.08)  # 2 / √10,000 is a hundredth of 2
    np.testing.assert_allclose(around.deviation, 2 * np.sqrt(UNITS), rtol=0.03)


def test_an_image_of_the_generator_is_found(linear):
    generator, variables, around = linear
    w = np.float32([2.0, -0.5, 1.5])
    image = np.uint8(np.round(255 * (0.5 + w @ variables['params']['kernel']))).reshape(8, 8, 1)
    project = projection.make_project(generator, layers=2, steps=500)
    found = project(variables, around, image, 0)
    np.testing.assert_allclose(found.w, w, atol=0.02)
    np.testing.assert_allclose(found.image, image / 255, atol=2 / 255)
    assert found.after < 1e-4 < 1e-2 < found.before


@pytest.mark.slow
def test_the_search_comes_near_an_image_of_a_stylegan3():
    """tests/test_project.py has StyleGAN2."""
    network, classes, _ = GENERATORS['stylegan3 with classes']
    z, label = jax.random.normal(jax.random.key(2), (4, 8)), jnp.zeros(4, jnp.int32)
    variables = network.init(jax.random.key(1), z, label, train=False)
    record = jax.device_get(network.apply(variables, z, label, train=False))
    image = np.uint8(np.round(255 * np.clip(record['image'][0], 0, 1)))
    options = dict(latent=NORMAL, latent_dim=8, class_counts=(1,) * classes)
    around = projection.cloud(network, variables, label=0, **options)
    project = projection.make_project(network, layers=record['w'].shape[1], steps=100)
    found = project(variables, around, image, 0)
    assert found.w.shape == (8,) and found.image.shape == image.shape
    assert found.after < 0.5 * found.before


def test_the_caller_is_asked_after_every_50_steps(linear):
    generator, variables, around = linear
    calls = []
    image = np.zeros((SIDE, SIDE, 1), np.uint8)
    project = projection.make_project(
        generator, layers=2, steps=60, between=lambda: calls.append(1)
    )
    project(variables, around, image, 0)
    assert len(calls) == 2


def test_the_distance_by_hand():
    x = np.zeros((8, 8, 1), np.float32)
    x[0, 0] = 1
    # 1/64 of pixels of 1; then 1/16 of means of 1/4; 4x4 is the last size.
    np.testing.assert_allclose(projection.distance(x, 0 * x), 1 / 64 + 1 / 16 / 16)
    odd = np.ones((9, 9, 1), np.float32)
    np.testing.assert_allclose(projection.distance(odd, 0 * odd), 1)


def test_the_schedules_of_the_paper():
    share = jnp.array([0, 0.025, 0.05, 0.75, 0.875, 1.0])
    np.testing.assert_allclose(projection.rate(share), [0, 0.05, 0.1, 0.1, 0.05, 0], atol=1e-8)
    share = jnp.array([0, 0.375, 0.75, 1.0])
    np.testing.assert_allclose(projection.noise(share), [0.05, 0.0125, 0, 0], atol=1e-8)
