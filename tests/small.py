"""The small GAN of `gan_jax.testing`, and its state on the devices of a program."""

import jax
import numpy as np

from gan_jax.state import with_nets
from gan_jax.testing.small import (
    BATCH,
    CLASSES,
    COLOURS,
    LATENT,
    SHAPE,
    SIDE,
    Generator,
    PairLogit,
    PlainLogit,
    Trunk,
    cast,
    compiled,
    first_state,
    float64,
    jit,
    make_batch,
    make_gan,
    make_hyper,
    new_key,
    numbers,
    smooth_gan,
)
from gan_jax.testing.trees import distance, same

__all__ = [
    'BATCH',
    'CLASSES',
    'COLOURS',
    'LATENT',
    'SHAPE',
    'SIDE',
    'Generator',
    'PairLogit',
    'PlainLogit',
    'Trunk',
    'cast',
    'compiled',
    'distance',
    'first_state',
    'float64',
    'jit',
    'make_batch',
    'make_gan',
    'make_hyper',
    'new_key',
    'numbers',
    'same',
    'smooth_gan',
    'start',
]


def start(program, seed=0):
    """As `first_state`, on the devices of a `Program`, which may use it up."""
    state = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), program.shapes)
    rng = np.random.default_rng(seed)
    for path, net in {'g': state.g, 'd': state.d, **state.nets}.items():
        variables = numbers(net.variables, rng, np.float32)
        params = variables.pop('params')
        state = with_nets(state, params={path: params}, stats={path: variables})
    return jax.device_put(state, jax.tree.map(lambda x: x.sharding, program.shapes))
