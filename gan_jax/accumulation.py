"""Gradient accumulation: a batch in microbatches that run one after another, to save memory."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.keys import named


def accumulate_gradients(
    gradient: Callable,
    params_of: Callable[[Any], Any],
    count: int,
    constrain_batch: Callable[[Any], Any],
    unroll: bool,
) -> Callable:
    """`gradient` over `count` microbatches: the means of their gradients and metrics.

    Each microbatch starts from the state after the previous one, and has its own random keys. With
    `count` 1 the result is `gradient` itself. An accelerator needs the memory of one microbatch.
    On a CPU, where the microbatches are unrolled, XLA may interleave them, and little is saved.

    Args:
        gradient: (state, batch, keys, hyper) -> (state with updated collections of the player and
            updated states of the terms, gradients like the player's parameters, metrics
            {name: []}).
        params_of: state -> the player's parameters.
        count: number of microbatches.
        constrain_batch, unroll: as in `step.make_train_step`.

    Raises:
        ValueError: from the returned function: the batch does not divide into `count` microbatches.
    """
    if count == 1:
        return gradient

    def mean(state, batch, keys, hyper):
        def body(carry, i_and_part):
            (state, total), (i, part) = carry, i_and_part
            own = type(keys)(*(named(key, 'part', i) for key in keys))
            state, found, metrics = gradient(state, constrain_batch(part), own, hyper)
            return (state, jax.tree.map(jnp.add, total, found)), metrics

        params = params_of(state)
        rows = jnp.arange(count), jax.tree.map(lambda x: _cut(x, count), batch)
        (state, total), metrics = repeat(body, (state, _zeros(params)), rows, count, unroll)
        grads = jax.tree.map(lambda x, p: (x / count).astype(p.dtype), total, params)
        return state, grads, jax.tree.map(lambda x: jnp.mean(x, 0), metrics)

    return mean


def repeat(body: Callable, carry: Any, rows: Any, count: int, unroll: bool) -> tuple[Any, Any]:
    """`jax.lax.scan`, or with `unroll` its iterations one after another without a loop.

    (A scan with `unroll=count` still is a loop for XLA on a CPU.)
    """
    if not unroll:
        return jax.lax.scan(body, carry, rows)
    body = jax.jit(body, inline=True)  # traced once for all iterations; the program is the same
    outs = []
    for i in range(count):
        carry, out = body(carry, jax.tree.map(lambda x, i=i: x[i], rows))
        outs.append(out)
    return carry, jax.tree.map(lambda *xs: jnp.stack(xs), *outs)


def _cut(array: jax.Array, count: int) -> jax.Array:
    """[B, ...] into microbatches [count, B / count, ...].

    A microbatch takes every count-th row: in a sharded batch it is sharded too, and no row leaves
    its device.
    """
    if len(array) % count:
        raise ValueError(f'a batch of {len(array)} does not divide into {count} parts')
    return jnp.moveaxis(array.reshape(-1, count, *array.shape[1:]), 1, 0)


def _zeros(params: Any) -> Any:
    """Zeros like the parameters, at least in float32, to which gradients are added."""
    return jax.tree.map(lambda p: jnp.zeros(p.shape, np.promote_types(p.dtype, np.float32)), params)
