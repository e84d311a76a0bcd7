"""The shipped networks, small, with bCR and Cntr on the digits, on any mesh."""

import functools
import math
from pathlib import Path

import jax
import numpy as np

from gan_jax import config, data, experiment, sharding
from gan_jax.program import make_program

CONFIG = Path(__file__).parent.parent / 'configs' / 'digits.py'
BATCH = 20  # no channels, side or kernel of the networks is a multiple of it


@functools.cache
def parts():
    """The experiment, under plain SGD, whose trace keeps the last gradient."""
    settings = config.read(f'{CONFIG}:method=bcr_cntr').to_dict()
    settings['generator']['width'] = settings['discriminator']['width'] = 0.125
    sgd = {'fn': 'optax.sgd', 'momentum': 0.0, 'learning_rate': 0.1}
    settings['optim'] = {'g': sgd, 'd': sgd}
    return experiment.build(settings, shape=(16, 16, 1), num_classes=10)


@functools.cache
def program_on(count, model=1, batch=BATCH):
    """Its program on count × model devices."""
    dataset = data.load('digits', size=16)
    mesh = sharding.make_mesh(count, batch, model=model)
    return make_program(parts(), dataset, mesh, batch_size=batch, d_steps=1)


def norm(tree):
    """Of all numbers of a tree, in float64."""
    return math.sqrt(sum(np.sum(np.square(x, dtype=np.float64)) for x in jax.tree.leaves(tree)))
