"""Consistency regularisation: the logit should not change under a semantics-preserving change.

Every difference is squared and averaged over the batch, and the gradient flows through both of its
sides. The augmentation is the config's `augment.view`, or the term's own `policy`.
"""

import jax
import jax.numpy as jnp

from gan_jax.runtime.ranges import Scale
from gan_jax.terms import Objective, Term
from gan_jax.views import View, augmented


def cr() -> Term:
    """Consistency regularisation on reals, CR-GAN (Zhang et al. 2020, arXiv 1910.12027).

    L = E (D(x) - D(t(x)))^2, added to the discriminator's loss with weight 10. The paper's t is a
    flip and a shift by a few pixels.
    Part: 'real'.
    """
    views = {'real': View('real'), 'real_aug': View('real', augmented)}

    def d(out, state, key):
        real = jnp.mean((out['real']['logit'] - out['real_aug']['logit']) ** 2)
        return {'real': real}, state, {}

    return Term(d=Objective(views, d))


def balanced() -> Term:
    """Balanced consistency regularisation, bCR (Zhao et al. 2020, arXiv 2006.02595, algorithm 1).

    L = E (D(x) - D(t1(x)))^2 + E (D(G(z)) - D(t2(G(z))))^2, added to the discriminator's loss with
    weight 10 (5 beside Cntr).
    Parts: 'real', 'fake'.
    """
    views = {
        'real': View('real'),
        'real_aug': View('real', augmented),
        'fake': View('fake'),
        'fake_aug': View('fake', augmented),
    }

    def d(out, state, key):
        real = jnp.mean((out['real']['logit'] - out['real_aug']['logit']) ** 2)
        fake = jnp.mean((out['fake']['logit'] - out['fake_aug']['logit']) ** 2)
        return {'real': real, 'fake': fake}, state, {}

    return Term(d=Objective(views, d))


def latent(sigma: Scale = 0.03) -> Term:
    """Latent consistency regularisation, zCR (Zhao et al. 2020, arXiv 2002.04724, algorithm 2).

    With z' = z + dz, dz ~ N(0, sigma^2): L_D = E (D(G(z)) - D(G(z')))^2 and
    L_G = -mean (G(z) - G(z'))^2, so that the generator tells apart what the discriminator does not.
    L_G is the mean over images, pixels and channels, of images in [-1, 1], as in StudioGAN's code:
    the weights assume it (the paper's text, which writes a norm, was not at hand). z is N(0, 1);
    both images of a pair have one label.
    Parts: 'dis' for the discriminator, 'gen' for the generator; the paper's weights are 5 and 0.5
    with sigma 0.03, for a conditional model 20 and 0.5 with sigma 0.05.

    Args:
        sigma: standard deviation of dz, > 0.
    """

    def near(key, z):
        return z + sigma * jax.random.normal(key, z.shape, z.dtype)

    def d(out, state, key):
        dis = jnp.mean((out['fake']['logit'] - out['fake_near']['logit']) ** 2)
        return {'dis': dis}, state, {}

    def g(out, state, key):
        # Twice the difference in [0, 1] is the difference in [-1, 1].
        difference = 2 * (out['fake']['image'] - out['fake_near']['image'])  # [B, H, W, C]
        return {'gen': -jnp.mean(difference**2)}, state, {}

    views = {'fake': View('fake'), 'fake_near': View('fake_near')}
    return Term(d=Objective(views, d), g=Objective({}, g), latents={'fake_near': near})


def improved(sigma: Scale = 0.03) -> Term:
    """Improved consistency regularisation, ICR (Zhao et al. 2020, arXiv 2002.04724): bCR and zCR.

    Parts: 'real' and 'fake' of `balanced`, weight 10 each; 'dis' and 'gen' of `latent`, weights 5
    and 0.5 with sigma 0.03, for a conditional model 20 and 0.5 with sigma 0.05.

    Args:
        sigma: of `latent`.
    """
    zcr = latent(sigma)
    images, latents = balanced().d, zcr.d
    assert images is not None and latents is not None  # for the type checker

    def d(out, state, key):
        return {**images.loss(out, state, key)[0], **latents.loss(out, state, key)[0]}, state, {}

    return zcr._replace(d=Objective({**images.views, **latents.views}, d))
