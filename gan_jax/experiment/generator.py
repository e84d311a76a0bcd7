"""The generator of a config, by itself."""

from collections.abc import Collection, Mapping
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from gan_jax.experiment.kinds import NETWORK
from gan_jax.models.conditions import LabelTable, table_of
from gan_jax.runtime import load
from gan_jax.runtime.errors import of_part


def build_generator(
    config: Mapping[str, Any],
    shape: tuple[int, int, int],
    allow: Collection[str] | None = None,
    vectors: np.ndarray | int | None = None,
) -> nn.Module:
    """The generator of a config without faults.

    Args:
        config: nested; read are its blocks `generator` and `data.autoencoder`, and `dtype`.
        shape: (H, W, C) of the data's images, or of their codes.
        allow: whose code the config may name, as in `load.resolve`.
        vectors: the label vectors of the data, float32 [R, K], if it has some; or R alone, where
            the variables come with them.

    Raises:
        PartError: its function refuses its keywords, or it cannot make codes.
    """
    dtype = jnp.dtype(config['dtype'])
    with of_part('config.generator'):
        made = load.build(config['generator'], NETWORK, allow=allow, shape=shape, dtype=dtype)
        made = with_table(made, vectors)
        return _unbounded(made) if 'autoencoder' in config.get('data', {}) else made


def with_table(network: nn.Module, vectors: np.ndarray | int | None) -> nn.Module:
    """A network with the label vectors of the data, as in `build_generator`, if it takes some.

    Raises:
        ValueError: they have another size than the network's.
    """
    asked = getattr(network, 'label_size', 0)
    if not asked:
        return network
    if isinstance(vectors, int):
        return network.clone(label_table=LabelTable((vectors, asked)))
    size = 0 if vectors is None else vectors.shape[1]
    if size != asked:
        data = f'label vectors of {size} numbers' if size else 'none'
        raise ValueError(
            f'label_size is {asked}, of label vectors, and the data have {data}: change '
            'label_size, or give data with such labels'
        )
    return network.clone(label_table=table_of(vectors))


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
