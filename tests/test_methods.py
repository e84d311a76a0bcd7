"""Every method by its name: ten steps, resumed from a checkpoint, and on four devices."""

import functools
import json
from pathlib import Path

import jax
import numpy as np
import pytest

from gan_jax import data
from gan_jax.data.dataset import Training
from gan_jax.experiment import build, config
from gan_jax.experiment.presets import METHODS
from gan_jax.experiment.program import make_program
from gan_jax.runtime import checkpoint, leaves, sharding
from tests import small

pytestmark = [pytest.mark.usefixtures('quick'), pytest.mark.slow]

CONFIG = Path(__file__).parent.parent / 'configs' / 'digits.py'
BATCH = 20  # no channels, side or kernel of the networks is a multiple of it
# A box in which the gradients of a few steps of SGD show; a p that rises from the first.
MORE = {
    'weight_clipping': ['--config.terms.weight_clipping.limit=0.3'],
    'apa': [f'--config.terms.apa.{number}' for number in ('target=-1', 'interval=1', 'images=80')],
}
each = pytest.mark.parametrize('method', METHODS)


@pytest.fixture(autouse=True)
def few_programs():
    """The code of a hundred programs is more than a process may map."""
    yield
    program_of.cache_clear()
    jax.clear_caches()


@functools.cache
def program_of(method, devices):
    """The program of a method with narrow networks under plain SGD, and its numbers."""
    flags = [f'--config.{net}.width=0.0625' for net in ('generator', 'discriminator')]
    flags += MORE.get(method, [])
    settings = json.loads(config.load_config(f'{CONFIG}:method={method}', flags).to_json())
    sgd = {'fn': 'optax.sgd', 'learning_rate': 0.02}
    settings |= {'optim': {'g': sgd, 'd': sgd}}
    mesh = sharding.make_mesh(devices, BATCH)
    dataset = data.load('digits', size=16)
    experiment = build.build_experiment(
        settings,
        shape=(16, 16, 1),
        num_classes=10,
        latent=build.build_latent(settings, training=lambda: Training(dataset)),
    )
    return make_program(experiment, dataset, mesh, batch_size=BATCH, d_steps=1), experiment.hyper


def stepped(method, devices, state, first, last):
    program, hyper = program_of(method, devices)
    for step in range(first, last):
        state = program.update(state, step, hyper)
    return state


@each
def test_ten_steps_are_finite_and_resumed_bit_for_bit(method, tmp_path):
    program, hyper = program_of(method, 1)
    half = stepped(method, 1, program.init(hyper), 0, 5)
    with checkpoint.manager(tmp_path / 'checkpoints') as manager:
        checkpoint.save(manager, half, {})
    whole = stepped(method, 1, half, 5, 10)
    restored = checkpoint.restore(tmp_path / 'checkpoints', program.shapes).state
    again = stepped(method, 1, restored, 5, 10)
    assert leaves.digests(whole) == leaves.digests(again)
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(jax.device_get(whole)))


@each
def test_four_devices_are_as_good_as_one(method):
    one, four = (
        jax.device_get(stepped(method, n, small.start(program_of(method, n)[0]), 0, 2))
        for n in (1, 4)
    )
    for side in 'gd':
        before = jax.device_get(getattr(small.start(program_of(method, 1)[0]), side).params)
        after, other = getattr(one, side).params, getattr(four, side).params
        moved = small.distance(before, after)
        assert moved > 1e-5
        assert small.distance(after, other) < min(0.1 * moved, 1e-5)
    assert small.distance(one.nets, four.nets) < 1e-5
    assert small.distance(one.terms, four.terms) < 1e-5
