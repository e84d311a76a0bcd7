"""Contrasts of images with their class and with each other, ContraGAN's and ReACGAN's.

D's features have an embedding e and each class y a proxy p_y, linear layers with spectral
normalisation; s is the cosine of two of these vectors. The logit needs no classes, the generator
does. Negatives are global; reals and fakes are never contrasted with each other. StudioGAN's code
is PyTorch-StudioGAN's at commit 947b35e.
"""

from typing import Annotated

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.lax import Precision

from gan_jax.models.spectral import spectral
from gan_jax.runtime.ranges import Number, Scale, SomeClasses, Units
from gan_jax.terms import Objective, Term
from gan_jax.terms.contrastive import unit_rows
from gan_jax.views import View

Cosine = Annotated[float, Number(-1, 1)]


class EmbeddingHead(nn.Module):
    """An embedding of the features, and the proxies of the classes.

    Attributes:
        num_classes: of the data; a label outside 0 ... num_classes - 1 has a proxy of zeros.
        size: units of both.
    """

    num_classes: int
    size: int = 512

    @nn.compact
    def __call__(
        self, features: jax.Array, label: jax.Array, *, train: bool
    ) -> dict[str, jax.Array]:
        """features [N, F], label [N] -> {'embedding', 'proxy' of the label: [N, size]}."""
        init = nn.initializers.normal(0.02)
        linear = nn.Dense(self.size, kernel_init=init, name='embedding')
        table = nn.Dense(self.size, use_bias=False, kernel_init=init, name='proxies')
        one_hot = jax.nn.one_hot(label, self.num_classes, dtype=features.dtype)
        return {
            'embedding': spectral(linear, features, train=train),
            'proxy': spectral(table, one_hot, train=train),
        }


def conditional_contrast(
    embedding: jax.Array, proxy: jax.Array, label: jax.Array, temperature: float | jax.Array
) -> jax.Array:
    """The 2C loss (Kang & Park 2020, arXiv 2006.12681), as StudioGAN has it.

    -log( (exp(s(e_i, p_i) / t) + sum_{j != i, y_j = y_i} exp(s_ij / t))
        / (exp(s(e_i, p_i) / t) + sum_{j != i} exp(s_ij / t)) ), averaged over the images i.

    Args:
        embedding: [N, F].
        proxy: of each image's label, [N, F].
        label: [N].
        temperature: t > 0.

    Returns:
        The loss, [].
    """
    own, pairs = _cosines(embedding, proxy)
    own, pairs = own / temperature, pairs / temperature
    others = ~jnp.eye(len(label), dtype=bool)
    same = others & (label[:, None] == label[None])
    return jnp.mean(_log_sum(own, pairs, others) - _log_sum(own, pairs, same))


def data_to_data(
    embedding: jax.Array,
    proxy: jax.Array,
    label: jax.Array,
    temperature: float | jax.Array,
    margin: float | jax.Array,
) -> jax.Array:
    """The data-to-data cross entropy, D2D-CE (Kang et al. 2021, arXiv 2111.01118).

    -log( exp(a_i / t) / (exp(a_i / t) + sum_{y_j != y_i} exp(b_ij / t)) ), averaged over the images
    i, with a_i = min(0, s(e_i, p_i) - m) and b_ij = max(0, s_ij - (1 - m)): images near their proxy
    have no gradient, nor have images of two classes that are far enough apart. StudioGAN's code
    subtracts the row's maximum from the b_ij and not from a_i, which is not this formula.

    Args:
        embedding: [N, F].
        proxy: of each image's label, [N, F].
        label: [N].
        temperature: t > 0.
        margin: m, a cosine.

    Returns:
        The loss, [].
    """
    own, pairs = _cosines(embedding, proxy)
    own = jnp.minimum(own - margin, 0) / temperature
    pairs = jax.nn.relu(pairs - (1 - margin)) / temperature
    return jnp.mean(_log_sum(own, pairs, label[:, None] != label[None]) - own)


def contragan(*, num_classes: SomeClasses, temperature: Scale = 1.0, size: Units = 512) -> Term:
    """ContraGAN's 2C loss (Kang & Park 2020, arXiv 2006.12681), with weight 1.

    `conditional_contrast` of the reals for the discriminator and of the fakes for the generator.
    Constants are StudioGAN's for CIFAR-10.
    Parts: 'real' for the discriminator, 'fake' for the generator.

    Args:
        num_classes: of the data.
        temperature: of the softmax, > 0.
        size: units of embeddings and proxies.
    """

    def contrast(embedding, proxy, label):
        return conditional_contrast(embedding, proxy, label, temperature)

    return _term(contrast, num_classes, size)


def reacgan(
    *,
    num_classes: SomeClasses,
    temperature: Scale = 0.5,
    margin: Cosine = 0.98,
    size: Units = 512,
) -> Term:
    """ReACGAN's D2D-CE (Kang et al. 2021, arXiv 2111.01118), with weight 0.5.

    `data_to_data` of the reals for the discriminator and of the fakes for the generator. Constants
    are StudioGAN's for CIFAR-10; its other data sets have weights of 0.25 to 1, temperatures equal
    to the weight or half of it, and margins of 0.9 to 1.
    Parts: 'real' for the discriminator, 'fake' for the generator.

    Args:
        num_classes: of the data.
        temperature: of the softmax, > 0.
        margin: m of an image and its proxy; of two images it is 1 - m.
        size: units of embeddings and proxies.
    """

    def contrast(embedding, proxy, label):
        return data_to_data(embedding, proxy, label, temperature, margin)

    return _term(contrast, num_classes, size)


def _term(contrast, num_classes, size):
    def objective(source):
        def loss(out, state, key):
            record = out[source]
            head = record['head']
            value = contrast(head['embedding'], head['proxy'], record['label'])
            return {source: value}, state, {}

        return Objective({source: View(source)}, loss)

    return Term(d=objective('real'), g=objective('fake'), head=EmbeddingHead(num_classes, size))


def _cosines(embedding, proxy):
    """The cosines of each embedding and its proxy [N], and of each two embeddings [N, N]."""
    embedding, proxy = unit_rows(embedding), unit_rows(proxy)
    pairs = jnp.matmul(embedding, embedding.T, precision=Precision.HIGHEST)
    return jnp.sum(embedding * proxy, axis=1), pairs


def _log_sum(own, pairs, among):
    """log(exp(own [N]) + sum of exp(pairs [N, N]) over the columns that are among [N, N]), [N]."""
    rows = jnp.concatenate([own[:, None], jnp.where(among, pairs, -jnp.inf)], axis=1)
    return jax.nn.logsumexp(rows, axis=1)
