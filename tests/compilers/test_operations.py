"""Augmentation operations and their second derivatives, compiled for an NVIDIA card.

A step with a penalty differentiates them twice. XLA's compiler for these cards finds no tiles for
some products of three factors, and then no step that holds them can be compiled.
"""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import SingleDeviceSharding

from gan_jax.augment.policy import OPS, parse
from gan_jax.benchmark.compiled import uncached
from gan_jax.benchmark.compilers.targets import read_targets

pytest.importorskip('jax_plugins.xla_cuda13')

pytestmark = [pytest.mark.compiler, pytest.mark.xdist_group('cuda')]


@pytest.mark.parametrize('name', sorted(OPS))
def test_it_compiles(name):
    card = SingleDeviceSharding(read_targets('H100')[0].devices[0])
    images = jax.ShapeDtypeStruct((4, 16, 16, 3), jnp.float32, sharding=card)
    key = jax.eval_shape(lambda: jax.random.key(0))
    key = jax.ShapeDtypeStruct(key.shape, key.dtype, sharding=card)
    policy = parse(name)

    def power(images, key):
        return jnp.sum(policy(key, images, 0.3) ** 2)

    def penalty(images, key):
        return jnp.sum(jax.grad(power)(images, key) ** 2)

    with uncached():
        jax.jit(jax.grad(penalty)).lower(images, key).compile()
