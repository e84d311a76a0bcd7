"""A term with a head, a queue and views of the averaged discriminator."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.runtime.ranges import Scale, Units
from gan_jax.terms import Objective, Term
from gan_jax.views import View, augmented


class Code(nn.Module):
    """One layer on the features."""

    size: int

    @nn.compact
    def __call__(self, features, label, *, train):
        return {'code': nn.Dense(self.size)(features)}


def novelty(temperature: Scale = 1.0, *, kept: Units = 16, size: Units = 4) -> Term:
    """Codes of a real view away from those that the averaged D gave earlier views.

    Part: 'real', the mean of exp(-|c - q|^2 / temperature) over codes c and the queue's q.

    Args:
        temperature: of the kernel.
        kept: rows of the queue.
        size: numbers of a code.
    """
    view = View('real', augmented)

    def init():
        return {'queue': jnp.ones((kept, size), jnp.float32)}

    def d(out, state, key):
        code = out['novel']['head']['code']
        target = out['novel']['target']['head']['code']
        queue = state['queue'].astype(code.dtype)
        squares = jnp.sum((code[:, None] - queue[None]) ** 2, axis=2)
        rows = jax.lax.stop_gradient(target).astype(jnp.float32)
        kept_rows = jnp.concatenate([rows, state['queue']])[:kept]
        return {'real': jnp.mean(jnp.exp(-squares / temperature))}, {'queue': kept_rows}, {}

    objective = Objective({'novel': view}, d, targets={'novel': view})
    return Term(d=objective, head=Code(size), init=init)
