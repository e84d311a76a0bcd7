"""Top-k training: the generator learns from its best images only."""

from typing import Annotated

import jax
import jax.numpy as jnp

from gan_jax.runtime.ranges import Number
from gan_jax.terms import Objective, Term
from gan_jax.terms.adversarial import FAKE, hinge

SomeShare = Annotated[float, Number(0, 1, above=True)]


def best(logit: jax.Array, share: float | jax.Array) -> jax.Array:
    """1 where a logit is among the k highest of [B], else 0; k = share B, rounded, at least 1.

    Ranks rather than a slice of the sorted logits: the share may be a traced number. Of equal
    logits at the limit the first ones count.

    Args:
        logit: [B].
        share: of the batch, in (0, 1].

    Returns:
        [B], of the logits' type.
    """
    rank = jnp.argsort(jnp.argsort(-logit))  # [B], 0 is the highest
    k = jnp.maximum(jnp.round(share * len(logit)), 1)
    return (rank.astype(logit.dtype) < jnp.asarray(k, logit.dtype)).astype(logit.dtype)


def top_k(share: SomeShare = 0.5) -> Term:
    """The hinge loss with top-k training (Sinha et al. 2020, arXiv 2002.06224, algorithm 1).

    It replaces the adversarial term. L_D is `adversarial.hinge`'s; L_G = -mean of D(G(z)) over the
    k fakes of the batch that D takes most for real. In the paper k falls from B by the factor 0.99
    an epoch to its floor of B / 2. Here it stays: the default is the floor.
    Parts: 'real', 'fake' for the discriminator, 'fake' for the generator.

    Args:
        share: k / B.
    """

    def g(out, state, key):
        logit = out['fake']['logit']
        mask = best(logit, share)
        return {'fake': -jnp.sum(mask * logit) / jnp.sum(mask)}, state, {}

    return hinge()._replace(g=Objective(FAKE, g))
