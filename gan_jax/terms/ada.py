"""Adaptive discriminator augmentation: its strength follows the discriminator's overfitting."""

from typing import Annotated

import jax
import jax.numpy as jnp

from gan_jax.runtime.ranges import COUNT, DATA, POSITIVE, Number
from gan_jax.terms import Objective, Term
from gan_jax.views import View

Target = Annotated[float, Number(-1, 1), DATA]
Images = Annotated[float, POSITIVE]


def ada(
    target: Target = 0.6,
    *,
    images: Images = 500_000.0,
    interval: Annotated[int, COUNT] = 4,
    number: str = 'augment.critic.strength',
) -> Term:
    """StyleGAN2-ADA's controller (Karras et al. 2020, arXiv 2006.06676, section 3.1).

    r_t = E sign(D(x)) over the reals of the last `interval` updates of D, which is 1 where D tells
    all of them. After these the number p of the config moves by sign(r_t - target) * (their
    images) / `images`, so that it takes `images` from 0 to 1, and stays in [0, 1]; the published
    code has no upper bound. It starts at 0, whatever the config says. The term adds nothing to a
    loss. Metrics: 'p', and 'r_t' of this update's reals.

    Args:
        target: of r_t, from -1 to 1.
        images: reals that D sees while p goes from 0 to 1.
        interval: updates of D between two changes; with `accumulate` each part of a batch counts.
        number: key of the controlled number, such as 'augment.critic.probability'; see
            `gan_jax.control`.
    """

    def init():
        return {'p': jnp.float32(0), 'signs': jnp.float32(0), 'seen': jnp.int32(0)}

    def d(out, state, key):
        logit = jax.lax.stop_gradient(out['real']['logit'])  # [B]
        r_t = jnp.mean(jnp.sign(logit)).astype(jnp.float32)
        signs, seen = state['signs'] + r_t / interval, state['seen'] + 1
        due = seen >= interval
        step = jnp.sign(signs - target) * (interval * len(logit) / images)
        p = jnp.where(due, jnp.clip(state['p'] + step, 0, 1), state['p']).astype(jnp.float32)
        after = {'p': p, 'signs': jnp.where(due, 0, signs), 'seen': jnp.where(due, 0, seen)}
        return {}, after, {'p': p, 'r_t': r_t}

    return Term(
        d=Objective({'real': View('real')}, d),
        init=init,
        controls={number: lambda state: state['p']},
    )
