"""Attention: rotations as complex numbers, the layer in loops, and what a sink takes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models.r3gan2.attention import Attention, rotate, rotation
from tests import small
from tests.models.r3gan2.loops import Loops


def turned(x, row, column):
    """Numbers j and j + size / 2 as one complex number; the first half turn with the row."""
    half = len(x) // 2
    pairs = x[:half] + 1j * x[half:]
    for j in range(half // 2):
        period = 100 ** (j / (half // 2))
        pairs[j] *= np.exp(2j * np.pi * row / period)
        pairs[half // 2 + j] *= np.exp(2j * np.pi * column / period)
    return np.concatenate([pairs.real, pairs.imag])


def places(height, width):
    """The coordinates of all places in [-1, 1], centres of pixels."""
    return [
        ((2 * i + 1) / height - 1, (2 * j + 1) / width - 1)
        for i in range(height)
        for j in range(width)
    ]


@pytest.mark.parametrize(('height', 'width'), [(2, 2), (3, 4)])
def test_positions_turn_pairs_of_numbers(height, width, x64):
    x = np.random.default_rng(0).standard_normal((2, height * width, 3, 8))
    found = rotate(jnp.asarray(x), *rotation(height, width, 8))
    for n in range(2):
        for place, at in enumerate(places(height, width)):
            for head in range(3):
                expected = turned(x[n, place, head], *at)
                np.testing.assert_allclose(found[n, place, head], expected, rtol=0, atol=1e-12)


def test_a_rotation_by_hand():
    """On 2×2 coordinates are ±1/2: an angle of ±π for period 1, of ±π/10 for period 10."""
    sine, cosine = rotation(2, 2, 8)
    s, c = np.sin(np.pi / 10), np.cos(np.pi / 10)
    np.testing.assert_allclose(cosine[1], [-1, c, -1, c] * 2, rtol=0, atol=1e-12)
    np.testing.assert_allclose(sine[1], [0, -s, 0, s] * 2, rtol=0, atol=1e-12)


def test_products_depend_on_the_distance_alone(x64):
    q, k = np.random.default_rng(1).standard_normal((2, 1, 1, 1, 8))
    q, k = (jnp.asarray(np.repeat(x, 16, axis=1)) for x in (q, k))
    q, k = (np.asarray(rotate(x, *rotation(4, 4, 8)))[0, :, 0] for x in (q, k))
    products = (q @ k.T).reshape(4, 4, 4, 4)
    np.testing.assert_allclose(products[1:, 1:, 1:, 1:], products[:-1, :-1, :-1, :-1], atol=1e-12)
    assert np.abs(products[0, 0] - products[1, 0]).max() > 0.1


def attended(p, x, variance, size, sharpness=8):
    """The layer one head, query and key at a time."""
    loops, (n, height, width, c) = Loops(1), x.shape
    qkv = loops.widened(p['qkv'], x, variance).reshape(n, height * width, c // size, size, 3)
    qkv = qkv / (1e-4 + np.sqrt(np.mean(qkv**2, axis=3, keepdims=True)))
    at, out = places(height, width), np.zeros((n, height * width, c // size, size))
    for i in range(n):
        for head in range(c // size):
            keys = [turned(qkv[i, k, head, :, 1], *at[k]) for k in range(len(at))]
            for q in range(len(at)):
                query = turned(qkv[i, q, head, :, 0], *at[q])
                shares = np.exp([sharpness * query @ key / size for key in keys])
                total = shares.sum() + np.exp(sharpness * p['sinks'][head])
                out[i, q, head] = shares / total @ qkv[i, :, head, :, 2]
    alpha = np.tanh(p['alpha'])
    return x + alpha * loops.linear(p['out'], out.reshape(x.shape)), variance + alpha**2


@pytest.fixture
def trial(x64):
    rng = np.random.default_rng(3)
    x, variance = rng.standard_normal((2, 3, 2, 16)), 1 + rng.random(16)
    start = partial(Attention(8).init, jax.random.key(0))
    variables = small.numbers(jax.eval_shape(start, x, variance), rng, 'float64')
    variables['params']['sinks'] = np.array([0.3, -0.2])
    return variables['params'], x, variance


def test_the_layer_is_its_formula(trial):
    params, x, variance = trial
    found = small.jit(Attention(8).apply)({'params': params}, x, variance)
    for one, other in zip(found, attended(*trial, 8), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-11)
    assert np.abs(found[0] - attended(*trial, 8, sharpness=1)[0]).max() > 1e-3


def test_a_sink_takes_all(trial):
    params, x, variance = trial
    params['sinks'] = np.array([9.0, 9.0])
    found, _ = small.jit(Attention(8).apply)({'params': params}, x, variance)
    np.testing.assert_allclose(found, x, rtol=0, atol=1e-12)


def test_is_the_identity_at_first():
    x = np.random.default_rng(4).standard_normal((2, 4, 4, 16)).astype('float32')
    start = small.jit(Attention(8).init_with_output)
    (out, variance), variables = start(jax.random.key(0), x, np.ones(16, 'float32'))
    np.testing.assert_array_equal(out, x)
    np.testing.assert_array_equal(variance, 1)
    assert not np.any(variables['params']['sinks'])
