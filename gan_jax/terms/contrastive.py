"""Contrastive regularisation of the discriminator's features."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.lax import Precision

from gan_jax.terms import Objective, Term
from gan_jax.views import View, augmented, join


class Projection(nn.Module):
    """Two-layer projection head with ReLU, SimCLR's g (Chen et al. 2020, arXiv 2002.05709).

    Attributes:
        hidden: units of the hidden layer.
        size: units of the output.
    """

    hidden: int = 128
    size: int = 128

    @nn.compact
    def __call__(self, features: jax.Array, label: jax.Array) -> dict[str, jax.Array]:
        """features [N, F], label [N] (not read) -> {'projection': [N, size]}."""
        hidden = nn.relu(nn.Dense(self.hidden)(features))
        return {'projection': nn.Dense(self.size)(hidden)}


def nt_xent(a: jax.Array, b: jax.Array, temperature: float | jax.Array) -> jax.Array:
    """Normalised temperature-scaled cross entropy (Chen et al. 2020, arXiv 2002.05709, eq. 1).

    l_ij = -log( exp(s_ij / t) / sum_{k != i} exp(s_ik / t) ), where s is the cosine similarity of
    two of the 2N rows, averaged over the 2N anchors i with j the other row of i's pair. SimCLR's
    published code returns twice this value.

    Args:
        a: first views, [N, F].
        b: second views, [N, F]; row n of a and row n of b are the positive pair n.
        temperature: t > 0.

    Returns:
        The loss, [].

    Raises:
        ValueError: a and b are not two matrices of one shape.
    """
    if a.ndim != 2 or a.shape != b.shape:
        raise ValueError(f'nt_xent needs two [N, F] of one shape, got {a.shape} and {b.shape}')
    a, b = _unit(a), _unit(b)
    rows = join([a, b])  # [2N, F]; the rows of a pair stay neighbours, on one device
    similarity = jnp.matmul(rows, rows.T, precision=Precision.HIGHEST) / temperature  # [2N, 2N]
    itself = jnp.eye(rows.shape[0], dtype=bool)
    others = jax.nn.logsumexp(jnp.where(itself, -jnp.inf, similarity), axis=1)  # [2N]
    positive = jnp.sum(a * b, axis=1) / temperature  # [N], the same for both anchors of a pair
    return jnp.mean(others) - jnp.mean(positive)


def cntr(temperature: float = 0.1, *, hidden: int = 128, size: int = 128) -> Term:
    """Cntr-GAN's contrastive loss (Zhao et al. 2020, arXiv 2006.02595, algorithm 2).

    Two augmented views of each real image are contrasted with the other reals, two of each fake
    with the other fakes, on a projection of the discriminator's last hidden representation; the
    two losses are summed into the discriminator's, with weight 0.1. Negatives are global: they
    come from the whole batch whatever the number of devices. The paper gives neither temperature
    nor head: these are SimCLR's.
    Parts: 'real', 'fake'.

    Args:
        temperature: of the softmax, > 0.
        hidden: units of the head's hidden layer.
        size: units of its output.
    """
    views = {
        'real_aug': View('real', augmented),
        'real_aug2': View('real', augmented, draw=1),
        'fake_aug': View('fake', augmented),
        'fake_aug2': View('fake', augmented, draw=1),
    }

    def d(out, state):
        h = {name: out[name]['head']['projection'] for name in views}
        real = nt_xent(h['real_aug'], h['real_aug2'], temperature)
        fake = nt_xent(h['fake_aug'], h['fake_aug2'], temperature)
        return {'real': real, 'fake': fake}, state, {}

    return Term(d=Objective(views, d), head=Projection(hidden, size))


def _unit(x: jax.Array) -> jax.Array:
    # The floor keeps the gradient of a zero row finite.
    square = jnp.sum(x * x, axis=1, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(square, 1e-12))
