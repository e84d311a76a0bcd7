"""LOGAN: the latents take a step towards what D takes for real, and both players meet its image."""

from typing import Annotated

import jax
import jax.numpy as jnp

from gan_jax.keys import named
from gan_jax.runtime.ranges import POSITIVE, Number, Scale
from gan_jax.terms import Objective, Term
from gan_jax.views import View

SomeShare = Annotated[float, Number(0, 1, above=True)]


def logan(
    alpha: Scale = 0.9,
    *,
    beta: Scale = 0.1,
    rate: SomeShare = 0.8,
    bound: Annotated[float, POSITIVE] | None = None,
) -> Term:
    """The hinge loss with latent optimisation, LOGAN (Wu et al. 2019, arXiv 1912.00953, NGD).

    It replaces the adversarial term. With g the gradient of D(G(z)) in z, dz = alpha g / (beta +
    |g|^2) and z' = z + dz for the share `rate` of the latents, z' = z for the others:
    L_D = E max(0, 1 - D(x)) + E max(0, 1 + D(G(z'))) + w E |dz|^2 and
    L_G = -E D(G(z')) + w E |dz|^2, where w is the weight of the part 'step', 0.1. dz is a function
    of both networks, and all gradients pass through it. The defaults are StudioGAN's on CIFAR-10
    (PyTorch-StudioGAN at commit 947b35e), whose cost counts every dz, taken or not. Latents are
    uniform there and z' is clipped to [-1, 1]; here they are normal and nothing is clipped. The
    paper has alpha 0.9, beta 5 and w 300 on ImageNet.
    Each update costs a pass of both networks more, with its gradient. The images of z' have the
    draw of the fakes in `augment.critic`. With BatchNorm in G the gradient of one image in its
    latents includes its effect on the others.
    Parts: 'real', 'fake', 'step' for the discriminator, 'fake', 'step' for the generator.

    Args:
        alpha: the size of the step.
        beta: what keeps it finite where the gradient vanishes.
        rate: share of latents that take it, each by its own draw.
        bound: the largest absolute value of z', to which it is clipped; None is none.
    """

    def moved(out, key):
        """D(G(z')) [B], and |dz|^2 [B]."""
        players, z, label = out['players'], out['fake']['z'], out['fake']['label']

        def judge(z):
            return players.discriminate(players.generate(z, label)['image'], label)['logit']

        dz = natural_step(jax.grad(lambda z: jnp.sum(judge(z)))(z), alpha, beta)
        taken = jax.random.bernoulli(named(key, 'taken'), rate, (len(z), 1))
        z = jnp.where(taken, z + dz, z)
        return judge(z if bound is None else jnp.clip(z, -bound, bound)), jnp.sum(dz**2, axis=1)

    def d(out, state, key):
        logit, cost = moved(out, key)
        real = jnp.mean(jax.nn.relu(1 - out['real']['logit']))
        fake = jnp.mean(jax.nn.relu(1 + logit))
        return {'real': real, 'fake': fake, 'step': jnp.mean(cost)}, state, {}

    def g(out, state, key):
        logit, cost = moved(out, key)
        return {'fake': -jnp.mean(logit), 'step': jnp.mean(cost)}, state, {}

    return Term(
        d=Objective({'real': View('real')}, d, players=True),
        g=Objective({}, g, players=True),
    )


def natural_step(gradient, alpha, beta):
    """alpha g / (beta + |g|^2) of each row g of [B, Z]: natural gradient, damped."""
    return alpha * gradient / (beta + jnp.sum(gradient**2, axis=1, keepdims=True))
