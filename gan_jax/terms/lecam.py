"""LeCam regularisation: the discriminator's predictions stay near their own moving averages."""

import jax
import jax.numpy as jnp

from gan_jax.runtime.ranges import Share, Updates
from gan_jax.terms import Objective, Term
from gan_jax.views import View


def lecam(decay: Share = 0.99, *, start: Updates = 1000) -> Term:
    """LeCam-GAN's regulariser (Tseng et al. 2021, arXiv 2104.03310), as its code has it.

    L = E relu(D(x) - a_F)^2 + E relu(a_R - D(G(z)))^2, where a_R and a_F are moving averages of the
    mean logit of reals and of fakes; the paper's equation has no relu. The averages take in the
    batch before they are used, and no gradient flows through them. For the first `start` updates
    they are the means of the batch alone and the term is off. Weight 0.3 for BigGAN on CIFAR-10,
    where the authors' code has decay 0.9 and StudioGAN's 0.99; 1e-6 for StyleGAN2 there, with 0.99.
    For the discriminator only; metrics 'average_real' and 'average_fake'.
    Parts: 'real', 'fake'.

    Args:
        decay: of the averages, for one discriminator update.
        start: discriminator updates before the term acts; LeCam's code counts 1,000 generator
            updates, each of them with several of the discriminator. With 0 the averages start at 0.
            With `accumulate` every part of a batch counts as an update, also for `decay`.
    """

    def init():
        return {'updates': jnp.int32(0), 'real': jnp.float32(0), 'fake': jnp.float32(0)}

    def d(out, state, key):
        on = state['updates'] >= start
        logits = {source: out[source]['logit'] for source in ('real', 'fake')}
        after = {}
        for source, logit in logits.items():
            old, new = state[source], jax.lax.stop_gradient(jnp.mean(logit))
            after[source] = jnp.where(on, decay * old + (1 - decay) * new, new)
        real = jnp.mean(jax.nn.relu(logits['real'] - after['fake']) ** 2)
        fake = jnp.mean(jax.nn.relu(after['real'] - logits['fake']) ** 2)
        parts = {'real': jnp.where(on, real, 0), 'fake': jnp.where(on, fake, 0)}
        averages = {f'average_{source}': value for source, value in after.items()}
        return parts, {**after, 'updates': state['updates'] + 1}, averages

    return Term(d=Objective({'real': View('real'), 'fake': View('fake')}, d), init=init)
