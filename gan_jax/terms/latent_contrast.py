"""Contrast of the images of neighbouring latents, views that only a GAN has."""

import jax

from gan_jax.runtime.ranges import Scale, Units
from gan_jax.terms import Objective, Term
from gan_jax.terms.contrastive import ProjectionHead, nt_xent
from gan_jax.views import View


def cntr_latent(
    temperature: Scale = 0.1, *, sigma: Scale = 0.15, hidden: Units = 128, size: Units = 128
) -> Term:
    """Cntr's loss between G(z) and G(z + dz), dz ~ N(0, sigma^2), with weight 0.1.

    L_D = NT-Xent of the two images of each fake, the other fakes being the negatives, on a
    projection of D's features. The combination is this project's own: the loss and its weight are
    Cntr-GAN's (Zhao et al. 2020, arXiv 2006.02595, algorithm 2), for augmented views there; the
    views and sigma are InsGen's (Yang et al. 2021, arXiv 2106.04566), for a queue there. Nothing is
    augmented. Both images of a pair have one label.
    Part: 'fake'.

    Args:
        temperature: of the softmax, > 0.
        sigma: standard deviation of dz, > 0; latents have 1.
        hidden: units of the head's hidden layer.
        size: units of its output.
    """

    def beside(key, z):
        return z + sigma * jax.random.normal(key, z.shape, z.dtype)

    def d(out, state, key):
        one, other = (out[name]['head']['projection'] for name in ('fake', 'fake_beside'))
        return {'fake': nt_xent(one, other, temperature)}, state, {}

    views = {'fake': View('fake'), 'fake_beside': View('fake_beside')}
    latents = {'fake_beside': beside}
    return Term(d=Objective(views, d), head=ProjectionHead(hidden, size), latents=latents)
