"""Networks that compute the inside of their blocks again in the backward pass: less memory kept."""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.experiment import build, config
from gan_jax.models import biggan, biggan_deep, r3gan, resnet
from tests import small

CONFIGS = Path(__file__).parents[2] / 'configs'
SHAPE, LABEL = (32, 32, 3), np.array([0, 2])
Z = np.random.default_rng(0).standard_normal((2, 8)).astype('float32')
IMAGES = np.random.default_rng(1).random((2, *SHAPE)).astype('float32')
NETWORKS = {
    'resnet_g': (resnet.Generator(SHAPE, width=0.02, num_classes=3), (Z, LABEL)),
    'resnet_d': (resnet.Trunk(width=0.05), (IMAGES,)),
    'biggan_g': (biggan.Generator(SHAPE, channels=2, num_classes=3, shared=4), (Z, LABEL)),
    'biggan_d': (biggan.Trunk(channels=4), (IMAGES,)),
    'biggan_deep_g': (biggan_deep.Generator((8, 8, 3), (8, 4), 3, 4), (Z, LABEL)),
    'biggan_deep_d': (biggan_deep.Trunk((8, 4)), (IMAGES[:, :8, :8],)),
    'r3gan_g': (r3gan.Generator((8, 8, 3), (4, 4), 4, num_classes=3), (Z, LABEL)),
    'r3gan_d': (r3gan.Trunk((4, 4), 4), (IMAGES[:, :8, :8],)),
}


def losses_of(name):
    """(params, other variables, the loss and gradients of the network without and with `remat`)."""
    module, inputs = NETWORKS[name]
    again = module.clone(remat=True)
    like = [
        jax.eval_shape(partial(m.init, train=True), jax.random.key(0), *inputs)
        for m in (module, again)
    ]
    assert like[0] == like[1]
    variables = small.numbers(like[0], np.random.default_rng(2), 'float32')

    def loss(module, params, stats):
        out, after = module.apply(
            {'params': params, **stats}, *inputs, train=True, mutable=['batch_stats']
        )
        return jnp.mean(jnp.sin(out)), after

    params = variables.pop('params')
    stats = variables
    runs = [jax.value_and_grad(partial(loss, m), has_aux=True) for m in (module, again)]
    return params, stats, runs


@pytest.mark.slow
@pytest.mark.parametrize('name', NETWORKS)
def test_same_variables_and_less_that_is_kept(name):
    params, stats, runs = losses_of(name)
    texts = [str(jax.make_jaxpr(run)(params, stats)) for run in runs]
    assert ['remat' in text for text in texts] == [False, True]


# A generator and a discriminator of either file are enough for every day: compiling is dear.
@pytest.mark.slow
@pytest.mark.parametrize(
    'name',
    [
        *('resnet_g', 'biggan_d'),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ('resnet_d', 'biggan_g')),
    ],
)
def test_same_numbers(name):
    params, stats, runs = losses_of(name)
    plain, found = (small.jit(run)(params, stats) for run in runs)
    assert small.distance(plain, found) < 1e-4


@pytest.mark.parametrize('name', ['cifar10_resnet', 'cifar10_biggan', 'r3gan_cifar10'])
def test_the_command_line_asks_for_it(name):
    asked = [f'--config.{net}.remat=True' for net in ('generator', 'discriminator')]
    settings = config.load_config(f'{CONFIGS}/{name}.py', asked).to_dict()
    gan = build.build_experiment(settings, shape=SHAPE, num_classes=10).gan
    assert gan.generator.remat and gan.critic.trunk.remat
