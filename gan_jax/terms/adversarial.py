"""Adversarial losses. Logits are unbounded; means run over the batch."""

import jax
import jax.numpy as jnp

from gan_jax.terms import Objective, Term
from gan_jax.views import View

PAIR = {'real': View('real'), 'fake': View('fake')}
FAKE = {'fake': View('fake')}


def hinge() -> Term:
    """The hinge loss (Lim & Ye 2017, arXiv 1705.02894; Miyato et al. 2018, arXiv 1802.05957).

    L_D = E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))) and L_G = -E D(G(z)).
    Parts: 'real', 'fake' for the discriminator, 'fake' for the generator.
    """

    def d(out, state, key):
        real = jnp.mean(jax.nn.relu(1 - out['real']['logit']))
        fake = jnp.mean(jax.nn.relu(1 + out['fake']['logit']))
        return {'real': real, 'fake': fake}, state, {}

    def g(out, state, key):
        return {'fake': -jnp.mean(out['fake']['logit'])}, state, {}

    return Term(d=Objective(PAIR, d), g=Objective(FAKE, g))


def non_saturating() -> Term:
    """The non-saturating logistic loss (Goodfellow et al. 2014, arXiv 1406.2661, section 3).

    L_D = E softplus(-D(x)) + E softplus(D(G(z))) and L_G = E softplus(-D(G(z))).
    Parts: 'real', 'fake' for the discriminator, 'fake' for the generator.
    """

    def d(out, state, key):
        real = jnp.mean(jax.nn.softplus(-out['real']['logit']))
        fake = jnp.mean(jax.nn.softplus(out['fake']['logit']))
        return {'real': real, 'fake': fake}, state, {}

    def g(out, state, key):
        return {'fake': jnp.mean(jax.nn.softplus(-out['fake']['logit']))}, state, {}

    return Term(d=Objective(PAIR, d), g=Objective(FAKE, g))


def wasserstein() -> Term:
    """The critic's loss of WGAN (Arjovsky et al. 2017, arXiv 1701.07875, algorithm 1).

    L_D = E D(G(z)) - E D(x) and L_G = -E D(G(z)). The loss does not bound D by itself: add the
    paper's own `weight_clipping`, `penalty.wgan_gp` or spectral normalisation.
    Parts: 'real', 'fake' for the discriminator, 'fake' for the generator.
    """

    def d(out, state, key):
        real, fake = jnp.mean(out['real']['logit']), jnp.mean(out['fake']['logit'])
        return {'real': -real, 'fake': fake}, state, {}

    def g(out, state, key):
        return {'fake': -jnp.mean(out['fake']['logit'])}, state, {}

    return Term(d=Objective(PAIR, d), g=Objective(FAKE, g))


def least_squares() -> Term:
    """The least-squares loss (Mao et al. 2017, arXiv 1611.04076, eq. 9: a = 0, b = c = 1).

    L_D = E (D(x) - 1)^2 / 2 + E D(G(z))^2 / 2 and L_G = E (D(G(z)) - 1)^2 / 2, on the logit as it
    is (compare_gan puts it through a sigmoid first).
    Parts: 'real', 'fake' for the discriminator, 'fake' for the generator.
    """

    def d(out, state, key):
        real = jnp.mean((out['real']['logit'] - 1) ** 2) / 2
        fake = jnp.mean(out['fake']['logit'] ** 2) / 2
        return {'real': real, 'fake': fake}, state, {}

    def g(out, state, key):
        return {'fake': jnp.mean((out['fake']['logit'] - 1) ** 2) / 2}, state, {}

    return Term(d=Objective(PAIR, d), g=Objective(FAKE, g))


def relativistic() -> Term:
    """The relativistic pairing loss, RpGAN (Jolicoeur-Martineau 2018, arXiv 1807.00734).

    L_D = E softplus(D(G(z)) - D(x)) and L_G = E softplus(D(x) - D(G(z))): image n of the reals is
    paired with image n of the fakes. This is the logistic form of R3GAN (Huang et al. 2025, arXiv
    2501.05441), which adds `penalty.r1` and `penalty.r2`; it is not the relativistic *average*
    loss. In R3GAN both images of a pair have one class, and the generator's update meets reals of
    its own: `config.latent.labels='real'` and `config.g_reals='own'`, which `method=r3gan` sets.
    Part: 'pair', for both players.
    """

    def d(out, state, key):
        margin = out['real']['logit'] - out['fake']['logit']
        return {'pair': jnp.mean(jax.nn.softplus(-margin))}, state, {}

    def g(out, state, key):
        margin = out['fake']['logit'] - out['real']['logit']
        return {'pair': jnp.mean(jax.nn.softplus(-margin))}, state, {}

    return Term(d=Objective(PAIR, d), g=Objective(PAIR, g))
