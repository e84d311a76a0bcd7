"""Every op, compiled once for all tests that can share it, and images to try it on."""

import collections
import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.augment import ops
from tests import small

OPS = {
    name: function
    for name, function in inspect.getmembers(ops, inspect.isfunction)
    if not name.startswith('_')
}
every_op = pytest.mark.parametrize('op', OPS.values(), ids=OPS)

KEY = jax.random.key(3)
STRENGTH = 0.4


def shape(op, *, count=16, height=9, width=12, channels=3):
    """One side odd and one even, but square for the op that needs squares."""
    return (count, height, height if op is ops.rotate90 else width, channels)


def batch(op, *, low=-0.2, high=1.2, dtype=np.float32, **sizes):
    """Images of `shape`, by default with many pixels at exactly 0 and exactly 1."""
    pixels = np.random.default_rng(0).uniform(low, high, shape(op, **sizes))
    return np.clip(pixels, 0, 1).astype(dtype)


traces = collections.Counter()


@functools.cache
def compiled(op):
    """The op under jit; `traces` counts its compilations."""

    def counted(key, images, strength):
        traces[op] += 1
        return op(key, images, strength)

    return small.jit(counted)


@functools.cache
def gradient(op):
    """The gradient of the inner product of the op's result with a cotangent, under jit."""

    def product(images, strength, cotangent):
        return jnp.sum(op(KEY, images, strength) * cotangent)

    return small.jit(jax.grad(product))
