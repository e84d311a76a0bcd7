"""An update's batch in parts that run one after another, for networks that need the memory."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gan_jax.keys import named


def accumulate_gradients(
    gradient: Callable,
    params_of: Callable[[Any], Any],
    count: int,
    constrain_batch: Callable[[Any], Any],
) -> Callable:
    """`gradient` with the batch cut into `count` parts: the means of their gradients and metrics.

    Each part starts from the state that the one before it has left, and draws from keys of its
    own. With one part it is `gradient` itself. An accelerator needs the memory of one part; on a
    CPU, where they are written out, XLA orders their layers as it likes and little is saved.

    Args:
        gradient: (state, batch, keys, hyper) -> (state with the player's collections and the terms'
            states moved, gradients like the player's parameters, metrics {name: []}).
        params_of: state -> the player's parameters.
        count: of parts.
        constrain_batch: as in `step.make_train_step`.

    Raises:
        ValueError: from the function made, the batch does not divide into so many parts.
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
        (state, total), metrics = repeat(body, (state, _zeros(params)), rows, count)
        grads = jax.tree.map(lambda x, p: (x / count).astype(p.dtype), total, params)
        return state, grads, jax.tree.map(lambda x: jnp.mean(x, 0), metrics)

    return mean


def repeat(body: Callable, carry: Any, rows: Any, count: int) -> tuple[Any, Any]:
    """`jax.lax.scan`; on a CPU, where XLA runs the backward pass of a convolution inside a loop
    14 to 30 times slower, the same written out. (A scan of `unroll=count` still is a loop there.)
    """
    if jax.default_backend() != 'cpu':
        return jax.lax.scan(body, carry, rows)
    body = jax.jit(body, inline=True)  # traced once for all rows; the program is the same
    outs = []
    for i in range(count):
        carry, out = body(carry, jax.tree.map(lambda x, i=i: x[i], rows))
        outs.append(out)
    return carry, jax.tree.map(lambda *xs: jnp.stack(xs), *outs)


def _cut(array: jax.Array, count: int) -> jax.Array:
    """[B, ...] into parts [count, B / count, ...]: every count-th row is of one part, so that a
    batch that is spread over devices is so in each part, and no row leaves its device.
    """
    if len(array) % count:
        raise ValueError(f'a batch of {len(array)} does not divide into {count} parts')
    return jnp.moveaxis(array.reshape(-1, count, *array.shape[1:]), 1, 0)


def _zeros(params: Any) -> Any:
    """Where gradients are added up: in 32 bits at least."""
    return jax.tree.map(
        lambda p: jnp.zeros(p.shape, jnp.promote_types(p.dtype, jnp.float32)), params
    )
