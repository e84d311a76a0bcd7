"""The shipped networks, small, with bCR and Cntr on the digits, on any mesh."""

import functools
import json
import math
from pathlib import Path

import jax
import numpy as np

from gan_jax import data
from gan_jax.experiment import build, config
from gan_jax.experiment.program import make_program
from gan_jax.runtime import sharding

CONFIG = Path(__file__).parent.parent / 'configs' / 'digits.py'
BATCH = 20  # no channels, side or kernel of the networks is a multiple of it


def settings(*overrides):
    """The config of a shipped network, under plain SGD, whose trace keeps the last gradient."""
    widths = [f'{net}.width=0.125' for net in ('generator', 'discriminator')]
    flags = [f'--config.{flag}' for flag in (*widths, *overrides)]
    read = json.loads(config.load_config(f'{CONFIG}:method=bcr_cntr', flags).to_json())
    sgd = {'fn': 'optax.sgd', 'momentum': 0.0, 'learning_rate': 0.1}
    return {**read, 'optim': {'g': sgd, 'd': sgd}}


@functools.cache
def parts(dtype='float32'):
    """The experiment."""
    given = {**settings(), 'dtype': dtype}
    return build.build_experiment(given, shape=(16, 16, 1), num_classes=10)


@functools.cache
def program_on(count, model=1, batch=BATCH, dtype='float32'):
    """Its program on count × model devices."""
    dataset = data.load('digits', size=16)
    mesh = sharding.make_mesh(count, batch, model=model)
    return make_program(parts(dtype), dataset, mesh, batch_size=batch, d_steps=1)


def to_gather(shapes):
    """The bytes of each sharded kernel, whole, as often as an update of the step has to gather it.

    D's kernels are gathered for both updates, those of Cntr's head for D's alone. G's are gathered
    once, since D's update does not change them.
    """
    d = shapes.d.params
    without_head = {name: tree for name, tree in d.items() if name != 'heads_contrastive'}
    return [
        x.size * x.dtype.itemsize
        for x in jax.tree.leaves((shapes.g.params, d, without_head))
        if 'model' in x.sharding.spec
    ]


def norm(tree):
    """Of all numbers of a tree, in float64."""
    return math.sqrt(sum(np.sum(np.square(x, dtype=np.float64)) for x in jax.tree.leaves(tree)))


def apart(a, b):
    """The norm of the difference of two trees."""
    return norm(jax.tree.map(np.subtract, a, b))
