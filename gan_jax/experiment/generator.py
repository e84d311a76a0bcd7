"""The generator of a config, by itself."""

from collections.abc import Collection, Mapping
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.experiment.kinds import NETWORK
from gan_jax.runtime import load
from gan_jax.runtime.errors import of_part


def build_generator(
    config: Mapping[str, Any], shape: tuple[int, int, int], allow: Collection[str] | None = None
) -> nn.Module:
    """The generator of a config without faults.

    Args:
        config: nested; read are its blocks `generator` and `data.autoencoder`, and `dtype`.
        shape: (H, W, C) of the data's images, or of their codes.
        allow: whose code the config may name, as in `load.resolve`.

    Raises:
        PartError: its function refuses its keywords, or it cannot make codes.
    """
    dtype = jnp.dtype(config['dtype'])
    with of_part('config.generator'):
        made = load.build(config['generator'], NETWORK, allow=allow, shape=shape, dtype=dtype)
        return _unbounded(made) if 'autoencoder' in config.get('data', {}) else made


def _unbounded(generator: nn.Module) -> nn.Module:
    """The generator as it makes codes, which are not bound to [0, 1] as images are.

    Raises:
        ValueError: it has no way to leave that range.
    """
    if not hasattr(generator, 'clipped'):
        raise ValueError(
            f'{type(generator).__name__} makes images in [0, 1], and codes of an autoencoder lie '
            'beyond it: take a generator with a field `clipped`, such as gan_jax.models.r3gan or '
            'stylegan2 have, or leave out config.data.autoencoder'
        )
    return generator.clone(clipped=False)
