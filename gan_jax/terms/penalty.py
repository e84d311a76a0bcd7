"""Gradient penalties, which bound the slope of the discriminator at some images.

Every gradient is the gradient of a logit with respect to the image before the critic's
augmentation, in [-1, 1]. `of` names the logit, see `terms.logit_named`: '' is D's own; where the
generator learns by the head of a term, as from ContraD, it is that term's name. Norms run over all
values of an image, means over the batch. All penalties are for the discriminator only.
"""

import jax.numpy as jnp

from gan_jax.terms import Objective, Term
from gan_jax.views import View, mixed, perturbed


def r1(*, of: str = '') -> Term:
    """The squared gradient at reals, halved (Mescheder et al. 2018, arXiv 1801.04406, eq. 9).

    L = E |grad D(x)|^2 / 2; the weight is the paper's gamma (10 there; R3GAN begins CIFAR-10 with
    0.05). It acts in every step, or less often by the term's `every`.
    Part: 'real'.
    """
    return _half_square('real', of)


def r2(*, of: str = '') -> Term:
    """The squared gradient at fakes, halved (Mescheder et al. 2018, arXiv 1801.04406, eq. 10).

    L = E |grad D(G(z))|^2 / 2; the weight is the paper's gamma. R3GAN (Huang et al. 2025, arXiv
    2501.05441) has it beside `r1` with the same gamma.
    Part: 'fake'.
    """
    return _half_square('fake', of)


def wgan_gp(*, of: str = '') -> Term:
    """WGAN-GP's penalty (Gulrajani et al. 2017, arXiv 1704.00028, eq. 3), with weight 10.

    L = E (|grad D(x')| - 1)^2, x' uniform between a real image and the fake of the same row. The
    norm is exact (compare_gan adds 1e-4 under the root); below 1e-6 it is taken as 1e-6, where its
    gradient is 0 and not infinite.
    Part: 'mixed'.
    """
    return _to_one('mixed', View('real', mixed), of)


def dragan(*, of: str = '') -> Term:
    """DRAGAN's penalty (Kodali et al. 2017, arXiv 1705.07215), with weight 10.

    L = E (|grad D(x')| - 1)^2 at real images with the noise of `views.perturbed`. The norm is
    computed as in `wgan_gp`.
    Part: 'perturbed'.
    """
    return _to_one('perturbed', View('real', perturbed), of)


def _half_square(source, of):
    def d(out, state, key):
        return {source: jnp.mean(_square(out[source]['dx'])) / 2}, state, {}

    return Term(d=Objective({source: View(source)}, d, input_grads=(source,), grad_of=of))


def _to_one(name, view, of):
    def d(out, state, key):
        norm = jnp.sqrt(jnp.maximum(_square(out[name]['dx']), 1e-12))  # [B]
        return {name: jnp.mean((norm - 1) ** 2)}, state, {}

    return Term(d=Objective({name: view}, d, input_grads=(name,), grad_of=of))


def _square(dx):
    return jnp.sum(dx**2, axis=(1, 2, 3))  # [B]
