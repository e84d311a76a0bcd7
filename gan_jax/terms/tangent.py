"""Tangent propagation: the logit is to stay where an augmentation sets in."""

import jax
import jax.numpy as jnp

from gan_jax.augment import policy as policies
from gan_jax.keys import named
from gan_jax.terms import Objective, Term
from gan_jax.views import View

# Some ops return the image itself at strength 0, and have no derivative there.
ALMOST_NONE = 1e-3


def tangent(*, along: str = 'zoom_in', of: str = '') -> Term:
    """Tangent prop of D's logit at reals (Simard et al. 1992, NeurIPS 4, "Tangent Prop").

    L_D = E (d/ds D(t_s(x)))^2 at s = 0, where t_s is an augmentation of the strength s with a draw
    for each image: <grad D(x), d/ds t_s(x)>, with the image's derivative by forward differentiation
    of the policy at s = 0.001. It is CR (Zhang et al. 2020, arXiv 1910.12027) to first order in the
    strength: for a small s CR's square is s^2 times this one, so CR's weight of 10 at the strength
    0.1 is the weight 0.1 here. The gradient is the one before the critic's augmentation. In a GAN
    this is the project's own.
    For the discriminator only. Part: 'real'.

    Args:
        along: policy whose ops have a strength and change smoothly with it, such as 'zoom_in' or
            'brightness|hue'. The derivative of `translation`, `shift`, `cutout`, `cutmix`,
            `grayscale` and `blur`, which round, is 0.
        of: the logit, see `terms.logit_named`; '' is D's own.

    Raises:
        ValueError: there is no such policy, it takes no strength, or it mixes images.
    """
    policy = policies.parse(along)
    if not policies.needs_strength(along) or policies.mixes(along):
        raise ValueError(
            f"the policy '{along}' has no derivative of each image in a strength: give one like "
            "'zoom_in', without a number"
        )

    def d(out, state, key):
        x, dx = out['real']['image'], out['real']['dx']
        images = tangents(policy, named(key, 'along'), x)
        # dx is the gradient in 2 x - 1, so the one in x is twice as large.
        slopes = jnp.sum(2 * dx * images, axis=(1, 2, 3))  # [B]
        return {'real': jnp.mean(slopes**2)}, state, {}

    return Term(d=Objective({'real': View('real')}, d, input_grads=('real',), grad_of=of))


def tangents(policy, key, images):
    """The derivative in its strength of images [B, H, W, C] under a policy: of the same shape."""
    at = jnp.asarray(ALMOST_NONE, images.dtype)
    return jax.jvp(lambda s: policy(key, images, s), (at,), (jnp.ones_like(at),))[1]
