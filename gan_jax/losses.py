"""The losses as plain functions, for a training loop of one's own.

They are the formulas of `gan_jax.terms` themselves, without views, routing or weights: arrays go
in, a scalar [] comes out, the mean over the batch. Logits are unbounded, [N]; D is the
discriminator, G the generator. `docs/library.md` shows bCR and Cntr in somebody else's train step.

Raises:
    ValueError: arrays that are compared in pairs differ in shape.
"""

from typing import Any

import jax

from gan_jax.terms import Term, adversarial, consistency, penalty
from gan_jax.terms.contrastive import nt_xent, sup_con
from gan_jax.terms.decorrelation import (
    cross_correlation,
    decoupled_uniformity,
    variance_covariance,
)
from gan_jax.terms.labels import cross_entropy
from gan_jax.terms.momentum import info_nce

__all__ = [
    'bcr',
    'cr',
    'cross_correlation',
    'cross_entropy',
    'decoupled_uniformity',
    'gradient_penalty',
    'hinge_d',
    'hinge_g',
    'info_nce',
    'least_squares_d',
    'least_squares_g',
    'non_saturating_d',
    'non_saturating_g',
    'nt_xent',
    'r1',
    'relativistic_d',
    'relativistic_g',
    'sup_con',
    'variance_covariance',
    'wasserstein_d',
    'wasserstein_g',
    'zcr_d',
    'zcr_g',
]


def hinge_d(real: jax.Array, fake: jax.Array) -> jax.Array:
    """D's hinge loss, see `terms.adversarial.hinge`.

    Args:
        real: logits of real images, [N].
        fake: logits of generated images, [N].
    """
    return _of(adversarial.hinge(), 'd', logit={'real': real, 'fake': fake})


def hinge_g(fake: jax.Array) -> jax.Array:
    """G's loss beside `hinge_d`: minus the mean logit of generated images [N]."""
    return _of(adversarial.hinge(), 'g', logit={'fake': fake})


def non_saturating_d(real: jax.Array, fake: jax.Array) -> jax.Array:
    """D's logistic loss of logits [N] each, see `terms.adversarial.non_saturating`."""
    return _of(adversarial.non_saturating(), 'd', logit={'real': real, 'fake': fake})


def non_saturating_g(fake: jax.Array) -> jax.Array:
    """G's non-saturating loss of logits [N], see `terms.adversarial.non_saturating`."""
    return _of(adversarial.non_saturating(), 'g', logit={'fake': fake})


def wasserstein_d(real: jax.Array, fake: jax.Array) -> jax.Array:
    """WGAN's loss of the critic, of logits [N] each; add a penalty, see `gradient_penalty`."""
    return _of(adversarial.wasserstein(), 'd', logit={'real': real, 'fake': fake})


def wasserstein_g(fake: jax.Array) -> jax.Array:
    """WGAN's loss of the generator, of logits [N]."""
    return _of(adversarial.wasserstein(), 'g', logit={'fake': fake})


def least_squares_d(real: jax.Array, fake: jax.Array) -> jax.Array:
    """D's least-squares loss of logits [N] each, see `terms.adversarial.least_squares`."""
    return _of(adversarial.least_squares(), 'd', logit={'real': real, 'fake': fake})


def least_squares_g(fake: jax.Array) -> jax.Array:
    """G's least-squares loss of logits [N]."""
    return _of(adversarial.least_squares(), 'g', logit={'fake': fake})


def relativistic_d(real: jax.Array, fake: jax.Array) -> jax.Array:
    """D's relativistic pairing loss, RpGAN: row n of one is paired with row n of the other."""
    _check_alike(real, fake)
    return _of(adversarial.relativistic(), 'd', logit={'real': real, 'fake': fake})


def relativistic_g(real: jax.Array, fake: jax.Array) -> jax.Array:
    """G's relativistic pairing loss of logits [N] each; the reals' take part in its gradient."""
    _check_alike(real, fake)
    return _of(adversarial.relativistic(), 'g', logit={'real': real, 'fake': fake})


def cr(real: jax.Array, real_aug: jax.Array) -> jax.Array:
    """CR's loss of D, with weight 10: logits [N] of reals and of their augmentations."""
    _check_alike(real, real_aug)
    return _of(consistency.cr(), 'd', logit={'real': real, 'real_aug': real_aug})


def bcr(real: jax.Array, real_aug: jax.Array, fake: jax.Array, fake_aug: jax.Array) -> jax.Array:
    """bCR's loss of D, see `terms.consistency.balanced`; weight 10, or 5 beside Cntr.

    Args:
        real, fake: logits of images as they are, [N].
        real_aug, fake_aug: logits of the same images, augmented, [N].
    """
    _check_alike(real, real_aug)
    _check_alike(fake, fake_aug)
    logits = {'real': real, 'real_aug': real_aug, 'fake': fake, 'fake_aug': fake_aug}
    return _of(consistency.balanced(), 'd', logit=logits)


def zcr_d(fake: jax.Array, fake_near: jax.Array) -> jax.Array:
    """zCR's loss of D, with weight 5: logits [N] of G(z) and of G(z + dz)."""
    _check_alike(fake, fake_near)
    return _of(consistency.latent(), 'd', logit={'fake': fake, 'fake_near': fake_near})


def zcr_g(fake: jax.Array, fake_near: jax.Array) -> jax.Array:
    """zCR's loss of G, with weight 0.5: images [N, H, W, C] in [0, 1] of z and of z + dz."""
    _check_alike(fake, fake_near)
    return _of(consistency.latent(), 'g', image={'fake': fake, 'fake_near': fake_near})


def r1(gradient: jax.Array) -> jax.Array:
    """R1, or R2 at generated images: half the mean squared gradient; the weight is gamma.

    Args:
        gradient: of D's logits in the images, which span [-1, 1], [N, H, W, C]:
            `jax.grad(lambda x: logits(x).sum())(images)`. Of images in [0, 1] it is twice as large.
    """
    return _of(penalty.r1(), 'd', dx={'real': gradient})


def gradient_penalty(gradient: jax.Array) -> jax.Array:
    """The mean squared distance of the gradient's norm to 1; weight 10.

    WGAN-GP's at images between reals and fakes, DRAGAN's at reals with noise.

    Args:
        gradient: as in `r1`.
    """
    return _of(penalty.wgan_gp(), 'd', dx={'mixed': gradient})


def _check_alike(a: jax.Array, b: jax.Array) -> None:
    """Raises ValueError if two arrays differ in shape: they would be broadcast, silently."""
    if a.shape != b.shape:
        raise ValueError(
            f'this loss compares pairs: give two arrays of one shape, not {a.shape} and {b.shape}'
        )


def _of(term: Term, side: str, **outputs: Any) -> jax.Array:
    """The sum of the parts of a term without a state, of outputs {name: {view: array}}."""
    views = {view for named in outputs.values() for view in named}
    out = {
        view: {name: named[view] for name, named in outputs.items() if view in named}
        for view in views
    }
    parts, _, _ = getattr(term, side).loss(out, {}, None)
    return sum(parts.values())
