"""Consistency regularisation: the logit should not change under a semantics-preserving change."""

import jax.numpy as jnp

from gan_jax.terms import Objective, Term
from gan_jax.views import View, augmented


def balanced() -> Term:
    """Balanced consistency regularisation, bCR (Zhao et al. 2020, arXiv 2006.02595, algorithm 1).

    L = E (D(x) - D(t1(x)))^2 + E (D(G(z)) - D(t2(G(z))))^2, added to the discriminator's loss with
    weight 10 (5 beside Cntr). The gradient flows through both sides of each difference. The
    augmentation is the config's `augment.view`, or the term's own `policy`.
    Parts: 'real', 'fake'.
    """
    views = {
        'real': View('real'),
        'real_aug': View('real', augmented),
        'fake': View('fake'),
        'fake_aug': View('fake', augmented),
    }

    def d(out, state):
        real = jnp.mean((out['real']['logit'] - out['real_aug']['logit']) ** 2)
        fake = jnp.mean((out['fake']['logit'] - out['fake_aug']['logit']) ** 2)
        return {'real': real, 'fake': fake}, state, {}

    return Term(d=Objective(views, d))
