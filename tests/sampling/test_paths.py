"""Pairs along a path: their ends by hand, one class and noise for both."""

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import labels
from gan_jax.data.autoencoder import Decoder
from gan_jax.keys import named
from gan_jax.latents import NORMAL, draw_by_index
from gan_jax.models.stylegan2.generator import Generator
from gan_jax.sampling.paths import STEP, has_w, make_paths

COUNTS = (1, 3)


class Mapped(nn.Module):
    """An image of one pixel: 0.5 plus a tenth of w, its class and noise; w = tanh(z A)."""

    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z, label, *, train):
        assert train or self.dtype == jnp.float32
        assert train or jax.config.jax_default_matmul_precision == 'highest'
        matrix = self.param('matrix', nn.initializers.normal(1.0), (2, 2))
        w = jnp.tanh(z @ matrix)
        return {**self.synthesize(w, label, train=train), 'w': w}

    def synthesize(self, w, label, *, train):
        noise = jax.random.normal(self.make_rng('noise'), (len(w),))
        value = 0.5 + 0.01 * (w[:, 0] + 2 * w[:, 1] + label.astype(w.dtype) + noise)
        return {'image': value[:, None, None, None]}


class Plain(nn.Module):
    @nn.compact
    def __call__(self, z, label, *, train):
        return z[:, :, None, None]


VARIABLES = {'params': {'matrix': np.array([[1.0, -0.5], [0.25, 2.0]], np.float32)}}


def latents(purpose, block):
    index = np.arange(100 * block, 100 * block + 100)
    return draw_by_index(NORMAL, named(jax.random.key(4), purpose), index, 2)


@pytest.mark.parametrize('space', ['w', 'z'])
def test_ends_are_a_step_apart_and_differ_in_nothing_else(space):
    pairs = make_paths(Mapped(jnp.bfloat16), space, latent_dim=2, class_counts=COUNTS)
    a, b = map(np.asarray, pairs(VARIABLES, 4, 1))
    assert a.shape == b.shape == (100, 1, 1, 1)
    first, other = (np.asarray(latents(p, 1), np.float64) for p in ('path', 'path_end'))
    mapped = lambda z: np.tanh(z @ VARIABLES['params']['matrix'])  # noqa: E731
    if space == 'w':
        ends = mapped(first), mapped(first) + STEP * (mapped(other) - mapped(first))
    else:
        ends = mapped(first), mapped(first + STEP * (other - first))
    moved = 0.01 * (ends[1] - ends[0]) @ [1, 2]
    np.testing.assert_allclose((b - a)[:, 0, 0, 0], moved, atol=2e-7)
    noise = (a[:, 0, 0, 0] - 0.5) * 100 - ends[0] @ [1, 2] - labels.at(COUNTS, range(100, 200))
    assert 0.8 < noise.std() < 1.2 and abs(noise.mean()) < 0.4


def test_codes_are_decoded_before_they_are_cut_off():
    decoder = Decoder(np.float32(9), lambda weight, codes: (weight * codes).repeat(2, 1) - 4)
    made = {}
    for name, options in (('codes', {}), ('images', {'decoder': decoder})):
        pairs = make_paths(Mapped(), 'w', latent_dim=2, class_counts=COUNTS, **options)
        made[name] = np.stack(pairs(VARIABLES, 4, 1))
    expected = np.clip(9 * made['codes'].repeat(2, 2) - 4, 0, 1)
    np.testing.assert_allclose(made['images'], expected, atol=2e-6)
    assert made['images'].shape == (2, 100, 2, 1, 1) and made['images'].std() > 0.1


class Truncated(nn.Module):
    truncation: float = 1.0

    @nn.compact
    def __call__(self, z, label, *, train):
        w = z if train else self.truncation * z
        return {**self.synthesize(w, label, train=train), 'w': w}

    def synthesize(self, w, label, *, train):
        return {'image': 0.5 + 0.01 * w[:, :1, None, None]}


@pytest.mark.parametrize('space', ['w', 'z'])
def test_paths_run_where_nothing_is_truncated(space):
    whole, half = (
        make_paths(Truncated(psi), space, latent_dim=2, class_counts=COUNTS)({}, 4, 1)
        for psi in (1.0, 0.5)
    )
    np.testing.assert_array_equal(whole, half)
    assert np.std(whole[0]) > 0.005


def test_blocks_and_seeds_differ():
    pairs = make_paths(Mapped(), 'w', latent_dim=2, class_counts=COUNTS)
    seen = [pairs(VARIABLES, seed, block)[0].tobytes() for seed, block in ((0, 0), (0, 1), (1, 0))]
    assert len({*seen}) == 3 and pairs(VARIABLES, 0, 1)[0].tobytes() == seen[1]


def test_a_path_in_w_needs_a_w():
    assert has_w(Mapped(), 2) is True
    assert has_w(Plain(), 2) is False


@pytest.mark.slow
def test_stylegan2_has_paths_in_w():
    generator = Generator((8, 8, 1), units=8, layers=1, base=64)
    assert has_w(generator, 4)
    z, label = jnp.zeros((2, 4)), jnp.zeros(2, jnp.int32)
    variables = jax.jit(functools.partial(generator.init, train=False))(jax.random.key(0), z, label)
    a, b = make_paths(generator, 'w', latent_dim=4, class_counts=COUNTS)(variables, 0, 0)
    assert 0 < np.abs(a - b).max() < 0.01 and np.std(a) > 0.01
