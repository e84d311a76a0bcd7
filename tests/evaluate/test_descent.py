"""The training of a metric's network: a known minimum, seeds, and the same rows of every array."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.evaluate.descent import descend

pytestmark = pytest.mark.usefixtures('mixed_types')  # optax's schedules


def trained(seed=0, told=None, steps=200):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3)).astype(np.float32)
    y = x @ np.array([1, -2, 3], np.float32)

    def loss(params, key, x, y):
        return jnp.mean((x @ params - y) ** 2)

    progress = (lambda *at: None) if told is None else (lambda *at: told.append(at))
    options = dict(seed=seed, steps=steps, batch=16, rate=0.2, progress=progress)
    return np.asarray(descend(loss, jnp.zeros(3), [x, y], **options))


def test_it_finds_the_minimum_of_rows_that_belong_together():
    told = []
    np.testing.assert_allclose(trained(told=told), [1, -2, 3], atol=0.02)
    assert told == [(i, 200) for i in range(1, 201)]


@pytest.mark.slow
def test_a_seed_gives_the_same_parameters_and_another_gives_others():
    np.testing.assert_array_equal(trained(1, steps=5), trained(1, steps=5))
    assert (trained(1, steps=5) != trained(2, steps=5)).any()
