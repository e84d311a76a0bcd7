"""Contrastive regularisation of the discriminator's features."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.lax import Precision

from gan_jax.models.spectral import spectral
from gan_jax.runtime.ranges import Scale, Units
from gan_jax.terms import Objective, Term
from gan_jax.views import View, augmented, join, split

# Two views of each image. Not the names of the consistency terms, which may have another policy.
VIEWS = {
    'real_1': View('real', augmented),
    'real_2': View('real', augmented, draw=1),
    'fake_1': View('fake', augmented),
    'fake_2': View('fake', augmented, draw=1),
}


class ProjectionHead(nn.Module):
    """Two-layer projection head with ReLU, SimCLR's g (Chen et al. 2020, arXiv 2002.05709).

    Attributes:
        hidden: units of the hidden layer.
        size: units of the output.
    """

    hidden: int = 128
    size: int = 128

    @nn.compact
    def __call__(
        self, features: jax.Array, label: jax.Array, *, train: bool
    ) -> dict[str, jax.Array]:
        """features [N, F], label [N] (not read) -> {'projection': [N, size]}."""
        hidden = nn.relu(nn.Dense(self.hidden)(features))
        return {'projection': nn.Dense(self.size)(hidden)}


class ContraDHeads(nn.Module):
    """ContraD's three heads on one representation: Dense, LeakyReLU(0.1), Dense each.

    All layers have spectral normalisation. 'logit' and 'detached' are the same numbers, but
    'detached' sends no gradient into the features.

    Attributes:
        hidden: units of each hidden layer.
        size: units of the two projections.
    """

    hidden: int = 512
    size: int = 128

    @nn.compact
    def __call__(
        self, features: jax.Array, label: jax.Array, *, train: bool
    ) -> dict[str, jax.Array]:
        """features [N, F] -> {'real', 'fake': [N, size], 'logit', 'detached': [N]}; no label."""
        both = join([features, jax.lax.stop_gradient(features)])  # [2N, F]
        logit, detached = split(self._perceptron('logit', both, 1, train)[:, 0], 2)
        return {
            'real': self._perceptron('real', features, self.size, train),
            'fake': self._perceptron('fake', features, self.size, train),
            'logit': logit,
            'detached': detached,
        }

    def _perceptron(self, name, x, size, train):
        first, last = (
            nn.Dense(units, kernel_init=nn.initializers.normal(0.02), name=f'{name}_{i}')
            for i, units in enumerate((self.hidden, size))
        )
        hidden = nn.leaky_relu(spectral(first, x, train=train), 0.1)
        return spectral(last, hidden, train=train)


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
    a, b = unit_rows(a), unit_rows(b)
    rows = join([a, b])  # [2N, F]; the rows of a pair stay neighbours, on one device
    similarity = jnp.matmul(rows, rows.T, precision=Precision.HIGHEST) / temperature  # [2N, 2N]
    itself = jnp.eye(rows.shape[0], dtype=bool)
    others = jax.nn.logsumexp(jnp.where(itself, -jnp.inf, similarity), axis=1)  # [2N]
    positive = jnp.sum(a * b, axis=1) / temperature  # [N], the same for both anchors of a pair
    return jnp.mean(others) - jnp.mean(positive)


def sup_con(anchors: jax.Array, others: jax.Array, temperature: float | jax.Array) -> jax.Array:
    """Supervised contrastive loss of one class (Khosla et al. 2020, arXiv 2004.11362, L_out).

    -log( exp(s_ij / t) / sum_k exp(s_ik / t) ), where s is the cosine similarity and k runs over
    the other anchors and all of `others`, averaged over the other anchors j and then over the
    anchors i.

    Args:
        anchors: [N, F], N > 1; each is a positive of every other.
        others: [M, F]; the negatives.
        temperature: t > 0.

    Returns:
        The loss, [].

    Raises:
        ValueError: there are not two anchors, or the rows differ in length.
    """
    count = len(anchors)
    if count < 2 or anchors.shape[1:] != others.shape[1:]:
        raise ValueError(f'sup_con needs [N > 1, F], [M, F], got {anchors.shape}, {others.shape}')
    anchors, others = unit_rows(anchors), unit_rows(others)
    same = jnp.matmul(anchors, anchors.T, precision=Precision.HIGHEST) / temperature  # [N, N]
    cross = jnp.matmul(anchors, others.T, precision=Precision.HIGHEST) / temperature  # [N, M]
    itself = jnp.eye(count, dtype=bool)
    rows = jnp.concatenate([jnp.where(itself, -jnp.inf, same), cross], axis=1)  # [N, N + M]
    positive = jnp.sum(jnp.where(itself, 0, same), axis=1) / (count - 1)  # [N]
    return jnp.mean(jax.nn.logsumexp(rows, axis=1) - positive)


def cntr(temperature: Scale = 0.1, *, hidden: Units = 128, size: Units = 128) -> Term:
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

    def d(out, state, key):
        h = {name: out[name]['head']['projection'] for name in VIEWS}
        real = nt_xent(h['real_1'], h['real_2'], temperature)
        fake = nt_xent(h['fake_1'], h['fake_2'], temperature)
        return {'real': real, 'fake': fake}, state, {}

    return Term(d=Objective(VIEWS, d), head=ProjectionHead(hidden, size))


def contrad(temperature: Scale = 0.1, *, hidden: Units = 512, size: Units = 128) -> Term:
    """ContraD (Jeong & Shin 2021, arXiv 2103.09742), which replaces the adversarial term.

    The discriminator's features learn from contrastive losses alone. On one projection: `nt_xent`
    of two views of each real. On another: `sup_con` of the fakes, which are each other's positives,
    with all views of reals as negatives. A perceptron on these features has the losses of
    `adversarial.non_saturating`, over the first view of each real and the view of each fake. The
    gradient of the discriminator's part stops at the features, the generator's part flows through
    them. All of D's inputs are augmented; the paper's policy is SimCLR's. Constants are from the
    authors' code for SNDCGAN: temperature 0.1, 512 hidden units, 128 outputs, weight 1 for every
    part (batch 512); their latents and their first learning rates differ, see docs/differences.md.
    The critic's own logit is not trained, so no penalty of its gradient can accompany this term.
    Parts: 'nt_xent', 'sup_con', 'real' and 'fake' for the discriminator, 'fake' for the generator.

    Args:
        temperature: of both contrastive losses, > 0.
        hidden: units of each head's hidden layer.
        size: units of the projections.
    """
    fake = {'fake_1': View('fake', augmented)}
    views = {'real_1': View('real', augmented), 'real_2': View('real', augmented, draw=1), **fake}

    def d(out, state, key):
        real_1, real_2, fake_1 = (out[name]['head'] for name in views)
        reals = join([real_1['fake'], real_2['fake']])  # [2N, F]
        parts = {
            'nt_xent': nt_xent(real_1['real'], real_2['real'], temperature),
            'sup_con': sup_con(fake_1['fake'], reals, temperature),
            'real': jnp.mean(jax.nn.softplus(-real_1['detached'])),
            'fake': jnp.mean(jax.nn.softplus(fake_1['detached'])),
        }
        return parts, state, {}

    def g(out, state, key):
        return {'fake': jnp.mean(jax.nn.softplus(-out['fake_1']['head']['logit']))}, state, {}

    return Term(d=Objective(views, d), g=Objective(fake, g), head=ContraDHeads(hidden, size))


def unit_rows(x: jax.Array) -> jax.Array:
    """The rows of x [N, F] over their Euclidean norms."""
    # The floor keeps the gradient of a zero row finite.
    square = jnp.sum(x * x, axis=1, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(square, 1e-12))
