"""Adversarial losses: the game itself. Logits are unbounded; means run over the batch."""

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

    def d(out, state):
        real = jnp.mean(jax.nn.relu(1 - out['real']['logit']))
        fake = jnp.mean(jax.nn.relu(1 + out['fake']['logit']))
        return {'real': real, 'fake': fake}, state, {}

    def g(out, state):
        return {'fake': -jnp.mean(out['fake']['logit'])}, state, {}

    return Term(d=Objective(PAIR, d), g=Objective(FAKE, g))


def non_saturating() -> Term:
    """The non-saturating logistic loss (Goodfellow et al. 2014, arXiv 1406.2661, section 3).

    L_D = E softplus(-D(x)) + E softplus(D(G(z))) and L_G = E softplus(-D(G(z))).
    Parts: 'real', 'fake' for the discriminator, 'fake' for the generator.
    """

    def d(out, state):
        real = jnp.mean(jax.nn.softplus(-out['real']['logit']))
        fake = jnp.mean(jax.nn.softplus(out['fake']['logit']))
        return {'real': real, 'fake': fake}, state, {}

    def g(out, state):
        return {'fake': jnp.mean(jax.nn.softplus(-out['fake']['logit']))}, state, {}

    return Term(d=Objective(PAIR, d), g=Objective(FAKE, g))
