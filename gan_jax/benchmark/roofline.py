"""The roofline: the speed at which this machine multiplies matrices of the config's precision."""

import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gan_jax.benchmark.timing import Candidate

LEAST = 5e-3  # seconds that a product must take, long enough to hide its start
FIRST = 512


class Roofline(NamedTuple):
    """A product of two square matrices on every device of a mesh.

    Attributes:
        size: rows of a matrix.
        flops: of one step, all devices together.
        take: the candidate that runs it.
    """

    size: int
    flops: int
    take: Candidate


def make_roofline(mesh: Mesh, dtype: str) -> Roofline:
    """Products large enough to take `LEAST` seconds, at the precision of the networks."""
    size = FIRST
    while True:
        take = _products(mesh, dtype, size)
        take(1)
        start = time.perf_counter()
        take(1)
        if time.perf_counter() - start >= LEAST:
            return Roofline(size, 2 * size**3 * mesh.size, take)
        size *= 2


def _products(mesh: Mesh, dtype: str, size: int) -> Candidate:
    spec = PartitionSpec('data')
    multiply = jax.jit(jax.shard_map(jnp.matmul, mesh=mesh, in_specs=spec, out_specs=spec))
    shape = mesh.size * size, size
    # Random numbers: a device draws less power, and runs faster, on zeros.
    draw = jax.jit(
        lambda key: jax.random.normal(key, shape, dtype), out_shardings=NamedSharding(mesh, spec)
    )
    a, b = (draw(jax.random.key(i)) for i in range(2))

    def take(count: int) -> None:
        for _ in range(count):
            product = multiply(a, b)
        jax.block_until_ready(product)

    return take
