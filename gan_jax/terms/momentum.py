"""Contrast with an averaged discriminator: MoCo's queue and BYOL's prediction.

Both look at one view of an image by D and at another by D's moving average, `config.averages.d`.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import Precision

from gan_jax.runtime.ranges import Scale, Units
from gan_jax.terms import Objective, Term, contrastive
from gan_jax.terms.contrastive import ProjectionHead, unit_rows

VIEWS = {name: contrastive.VIEWS[name] for name in ('real_1', 'real_2')}


class PredictionHead(nn.Module):
    """BYOL's projection, and the prediction of another view's projection from it.

    Two layers each, without normalisation: a BatchNorm would look across the views of D's pass.
    """

    hidden: int
    size: int

    @nn.compact
    def __call__(
        self, features: jax.Array, label: jax.Array, *, train: bool
    ) -> dict[str, jax.Array]:
        """features [N, F], label [N] (not read) -> {'projection', 'prediction': [N, size]}."""
        projection = self._perceptron('projection', features)
        return {
            'projection': projection,
            'prediction': self._perceptron('prediction', projection),
        }

    def _perceptron(self, name, x):
        first, last = (
            nn.Dense(units, kernel_init=nn.initializers.normal(0.02), name=f'{name}_{i}')
            for i, units in enumerate((self.hidden, self.size))
        )
        return last(nn.relu(first(x)))


def info_nce(
    query: jax.Array, key: jax.Array, queue: jax.Array, temperature: float | jax.Array
) -> jax.Array:
    """InfoNCE with a queue of negatives (He et al. 2019, arXiv 1911.05722, eq. 1).

    -log( exp(q k+ / t) / (exp(q k+ / t) + sum_j exp(q k_j / t)) ), the mean over queries.

    Args:
        query: [B, F], of norm 1.
        key: [B, F], the positive of each query.
        queue: [K, F], the negatives k_j of all queries.
        temperature: t > 0.

    Returns:
        The loss, [].
    """
    positive = jnp.sum(query * key, axis=1, keepdims=True)  # [B, 1]
    negative = jnp.matmul(query, queue.T, precision=Precision.HIGHEST)  # [B, K]
    logits = jnp.concatenate([positive, negative], axis=1) / temperature
    return jnp.mean(jax.nn.logsumexp(logits, axis=1) - logits[:, 0])


def moco(
    temperature: Scale = 0.2, *, queue: Units = 4096, hidden: Units = 128, size: Units = 128
) -> Term:
    """MoCo's contrastive loss on reals (He et al. 2019, arXiv 1911.05722, algorithm 1).

    The projection of one view by D is contrasted with the projection of another view by the
    averaged D, the positive, and with a queue of such projections of earlier batches, the
    negatives. Keys get no gradient. The queue begins with random directions. MoCo's own numbers
    are a temperature of 0.07, in version 2 of 0.2, a queue of 65,536 and a momentum of 0.999, here
    `config.averages.d`.
    Part: 'real'. For the discriminator only.

    Args:
        temperature: of the softmax, > 0.
        queue: keys that are kept, K.
        hidden: units of the head's hidden layer.
        size: units of its output.
    """

    def init():
        return {'queue': directions(queue, size)}

    def d(out, state, key):
        query = unit_rows(out['real_1']['head']['projection'])
        positive = unit_rows(out['real_2']['target']['head']['projection'])
        loss = info_nce(query, positive, state['queue'].astype(query.dtype), temperature)
        return {'real': loss}, {'queue': enqueued(state['queue'], positive)}, {}

    objective = Objective({'real_1': VIEWS['real_1']}, d, targets={'real_2': VIEWS['real_2']})
    return Term(d=objective, head=ProjectionHead(hidden, size), init=init)


def byol(*, hidden: Units = 256, size: Units = 128) -> Term:
    """BYOL's loss on reals (Grill et al. 2020, arXiv 2006.07733, eq. 2 and 3).

    The prediction from one view by D is pulled to the projection of the other view by the averaged
    D, in both orders: sum of 2 - 2 cos. No gradient flows into the target. The paper has hidden
    layers of 4096 units with BatchNorm, outputs of 256 and a momentum of 0.996 that rises to 1.
    Part: 'real'. For the discriminator only.

    Args:
        hidden: units of the hidden layers of projection and prediction.
        size: units of their outputs.
    """

    def d(out, state, key):
        predictions = [unit_rows(out[name]['head']['prediction']) for name in VIEWS]
        targets = [unit_rows(out[name]['target']['head']['projection']) for name in VIEWS]
        pairs = zip(predictions, reversed(targets), strict=True)
        loss = sum(jnp.mean(2 - 2 * jnp.sum(p * t, axis=1)) for p, t in pairs)
        return {'real': loss}, state, {}

    return Term(d=Objective(VIEWS, d, targets=VIEWS), head=PredictionHead(hidden, size))


def directions(count: int, size: int) -> jax.Array:
    """Random directions, f32 [count, size], always the same."""
    rows = np.random.default_rng(0).standard_normal((count, size))
    return jnp.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), jnp.float32)


def enqueued(queue: jax.Array, keys: jax.Array) -> jax.Array:
    """The queue with new keys in front, without the oldest."""
    rows = jax.lax.stop_gradient(keys).astype(queue.dtype)
    return jnp.concatenate([rows, queue])[: len(queue)]
