"""A small feature network for projected discriminators: the image, pooled and mixed."""

import jax.numpy as jnp
import numpy as np

from gan_jax.extractors import FeatureNetwork
from gan_jax.models.layers import average_pool


def pooled() -> FeatureNetwork:
    """Maps of 5 channels, of the image's side and half of it."""
    return FeatureNetwork(_load, _maps)


def _load():
    return {'mix': np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)}


def _maps(variables, images):
    first = jnp.tanh(images @ variables['mix'])
    return first, average_pool(first)


NARROW = {'extractor': pooled(), 'mixed': 3, 'width': 8, 'side': 4}
