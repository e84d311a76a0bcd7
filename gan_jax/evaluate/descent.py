"""The training of a small network for a metric: AdamW on batches that a seed draws."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
import optax

from gan_jax.keys import named

Loss = Callable[..., jax.Array]  # (parameters, key, *batches) -> []


def descend(
    loss: Loss,
    params: Any,
    arrays: Sequence[np.ndarray],
    *,
    seed: int,
    steps: int,
    batch: int,
    rate: float,
    progress: Callable[[int, int], object] = lambda *_: None,
) -> Any:
    """The parameters after AdamW with a rate that falls to 0 as a cosine.

    Args:
        loss: of the parameters, a key of the step, and a batch of each array.
        params: the first ones.
        arrays: [N, ...] each; a batch is drawn with replacement, the same rows of all.
        seed: of the batches and keys; the same seed gives the same parameters on one machine.
        steps: number of batches.
        batch: rows of each.
        rate: the first learning rate.
        progress: told of steps.
    """
    root, count = jax.random.key(seed), len(arrays[0])
    optimiser = optax.adamw(optax.cosine_decay_schedule(rate, steps))

    def drawn(step):
        return jax.random.randint(named(root, 'step', step), (batch,), 0, count)

    @jax.jit
    def update(params, state, step, *some):
        changes = jax.grad(loss)(params, named(root, 'loss', step), *some)
        changes, state = optimiser.update(changes, state, params)
        return optax.apply_updates(params, changes), state

    state = optimiser.init(params)
    rows = np.asarray(jax.jit(jax.vmap(drawn))(np.arange(steps)))  # [steps, batch]
    for step, some in enumerate(rows):  # a batch at a time: all may not fit on a device
        params, state = update(params, state, np.int32(step), *(array[some] for array in arrays))
        progress(step + 1, steps)
    return params
