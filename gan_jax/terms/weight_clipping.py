"""Weight clipping: the discriminator's parameters stay in a box."""

import jax
import jax.numpy as jnp

from gan_jax.runtime.ranges import Scale
from gan_jax.terms import Term


def weight_clipping(limit: Scale = 0.01) -> Term:
    """Clips D's parameters after each of its updates (Arjovsky et al. 2017, arXiv 1701.07875).

    w <- min(max(w, -c), c) for every parameter w of D, heads and biases included: WGAN's algorithm
    1. The box is compact, so that all functions D share a Lipschitz constant. A layer with spectral
    normalisation has the constant 1 whatever the size of its kernel, and clipping would only turn
    the kernel: give `config.discriminator` and `config.logit` normalised=False. The paper has the
    loss `adversarial.wasserstein`, RMSProp with a learning rate of 5e-5 and five updates of D a
    step. The first weights stay as they are drawn. The term adds nothing to a loss, so its weight
    has no effect but that 0 takes it out.

    Args:
        limit: c > 0.
    """

    def clipped(params):
        return jax.tree.map(lambda w: jnp.clip(w, -limit, limit), params)

    return Term(project={'d': clipped})
