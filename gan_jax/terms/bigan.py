"""BiGAN: the discriminator tells pairs (x, E(x)) from pairs (G(z), z), an encoder E beside G.

Donahue et al. 2016, arXiv 1605.09782, section 3; as ALI, Dumoulin et al. 2016, arXiv 1606.00704.
"""

import jax
import jax.numpy as jnp

from gan_jax.models.bigan import Encoder
from gan_jax.runtime.ranges import Units, Width
from gan_jax.terms import Network, Objective, Term
from gan_jax.terms.adversarial import PAIR


def bigan(size: Units = 128, *, width: Width = 1.0) -> Term:
    """The logistic game of pairs, in place of an adversarial loss of images.

    L_D = E softplus(-D(x, E(x))) + E softplus(D(G(z), z)), for G and E together with the labels
    swapped, L_G = L_E = E softplus(D(x, E(x))) + E softplus(-D(G(z), z)), as the papers train
    them; the minimax game has -L_D there. E is trained in the generator's updates, and sees images
    before the critic's augmentation. D has to read 'z', by a logit such as
    `models.bigan.PairLogit`.
    Parts: 'real', 'fake' for both players.

    Args:
        size: numbers of a latent: config.latent.dim.
        width: factor on the encoder's channels, see `models.bigan.Encoder`.
    """

    def d(out, state, key):
        return _loss(out['real']['logit'], out['fake']['logit']), state, {}

    def g(out, state, key):
        return _loss(-out['real']['logit'], -out['fake']['logit']), state, {}

    encoder = Network(Encoder(size, width), 'g', ('image',), gives={'real': 'z'})
    return Term(
        d=Objective(PAIR, d),
        g=Objective(PAIR, g),
        networks={'encoder': encoder},
        reads=('z',),
    )


def _loss(real, fake):
    return {'real': jnp.mean(jax.nn.softplus(-real)), 'fake': jnp.mean(jax.nn.softplus(fake))}
