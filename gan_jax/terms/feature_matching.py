"""Feature matching: fakes have the mean features of reals."""

import jax.numpy as jnp

from gan_jax.terms import Objective, Term
from gan_jax.views import View


def feature_matching() -> Term:
    """Feature matching for the generator (Salimans et al. 2016, arXiv 1606.03498, section 3.1).

    L_G = mean over features f of |E D_f(G(z)) - E D_f(x)|, StudioGAN's form (PyTorch-StudioGAN at
    commit 947b35e), with weight 1; the paper squares the differences and sums them. D_f is the last
    hidden representation. The reals are of the last discriminator update, where StudioGAN draws
    others. StudioGAN stops the gradient at the reals, which no weight of G reaches here.
    Part: 'features' for the generator.
    """

    def g(out, state, key):
        real, fake = (jnp.mean(out[name]['features'], axis=0) for name in ('real', 'fake'))  # [F]
        return {'features': jnp.mean(jnp.abs(fake - real))}, state, {}

    return Term(g=Objective({'real': View('real'), 'fake': View('fake')}, g))
