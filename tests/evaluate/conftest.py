"""A small network in the place of Inception, for tests of what is made of its features."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.evaluate import extractor, inception, weights


@pytest.fixture
def small_inception(monkeypatch):
    """A matrix that makes 8 features and 16 logits of images of 16×16, one or three channels."""
    matrix = np.random.default_rng(0).normal(size=(16 * 16 * 3, 16)).astype(np.float32) / 2000

    def of_layers(variables, x, *, interpolation, layers):
        assert len(x) == extractor.BATCH
        x = jnp.broadcast_to(jnp.asarray(x, jnp.float32), (*x.shape[:3], 3))
        x = x / {'tf1': 1, 'clean': 2}[interpolation]
        seen = x.reshape(len(x), -1) @ variables
        return {name: seen[:, : 8 + 8 * i] for i, name in enumerate(layers)}

    monkeypatch.setattr(inception, 'features', of_layers)
    monkeypatch.setattr(weights, 'published', lambda data_dir: matrix)
    monkeypatch.setattr(weights, 'check', lambda data_dir: None)
    return matrix
