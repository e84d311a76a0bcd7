"""InsGen: D tells every image from every other, reals from reals and fakes from fakes."""

import flax.linen as nn
import jax

from gan_jax.runtime.ranges import Scale, Units
from gan_jax.terms import Objective, Term, contrastive
from gan_jax.terms.contrastive import ProjectionHead, unit_rows
from gan_jax.terms.momentum import directions, enqueued, info_nce
from gan_jax.views import View, augmented

VIEWS = contrastive.VIEWS


class ProjectionHeads(nn.Module):
    """Two `ProjectionHead`s on the same features, one for reals and one for fakes.

    Attributes:
        hidden: units of each hidden layer.
        size: units of each output.
    """

    hidden: int = 512
    size: int = 128

    @nn.compact
    def __call__(
        self, features: jax.Array, label: jax.Array, *, train: bool
    ) -> dict[str, jax.Array]:
        """features [N, F], label [N] (not read) -> {'real', 'fake': [N, size]}."""
        heads = {s: ProjectionHead(self.hidden, self.size, name=s) for s in ('real', 'fake')}
        return {s: head(features, label, train=train)['projection'] for s, head in heads.items()}


def insgen(
    temperature: Scale = 0.2,
    *,
    sigma: Scale = 0.15,
    queue: Units = 2500,
    hidden: Units = 512,
    size: Units = 128,
) -> Term:
    """Instance discrimination of reals and of fakes, InsGen (Yang et al. 2021, arXiv 2106.04566).

    Each part is `momentum.info_nce` of a view q by D, its positive k by the averaged D,
    `config.averages.d`, and a queue of negatives; reals and fakes have a head and a queue each.
    'real': q and k are two views of a real. 'fake': q is a view of G(z), k one of G(z + dz),
    dz ~ N(0, sigma^2). 'gen': q and k are two views of G(z). After an update of D the queue of
    reals takes in k, the queue of fakes the averaged D's projection of q's image; an update of G
    leaves both as they are. No gradient flows into keys. The paper's weights are 1, 1 and 0.1, its
    momentum is 0.999.
    The authors' code (genforce/insgen at commit 52bda7c) projects D's last map before the layers
    that compare images, averaged over its positions, and here D's features are projected. There
    the averages of the heads move at every call of a head, here with the average of D, once after
    each step. There the queue of fakes holds averaged projections of D's features, here of the
    averaged D's. There the head of fakes has the generator's rate, here the discriminator's.
    Parts: 'real', 'fake' for the discriminator, 'gen' for the generator.

    Args:
        temperature: of the softmax, > 0.
        sigma: standard deviation of dz, > 0; latents have 1.
        queue: keys that each queue keeps; the paper's are 5 % of the data, here CIFAR-10's.
        hidden: units of each head's hidden layer.
        size: units of its output.
    """

    def nearby(key, z):
        return z + sigma * jax.random.normal(key, z.shape, z.dtype)

    def init():
        return {source: directions(queue, size) for source in ('real', 'fake')}

    def loss(query, key, negatives):
        return info_nce(query, key, negatives.astype(query.dtype), temperature)

    def d(out, state, key):
        k_real, k_fake = _key(out, 'real_2', 'real'), _key(out, 'nearby_1', 'fake')
        parts = {
            'real': loss(_query(out, 'real_1', 'real'), k_real, state['real']),
            'fake': loss(_query(out, 'fake_1', 'fake'), k_fake, state['fake']),
        }
        after = {
            'real': enqueued(state['real'], k_real),
            'fake': enqueued(state['fake'], _key(out, 'fake_1', 'fake')),
        }
        return parts, after, {}

    def g(out, state, key):
        query, positive = _query(out, 'fake_1', 'fake'), _key(out, 'fake_2', 'fake')
        return {'gen': loss(query, positive, state['fake'])}, state, {}

    looked_at = {
        'real_2': VIEWS['real_2'],
        'fake_1': VIEWS['fake_1'],
        'nearby_1': View('fake_nearby', augmented),
    }
    queries = {name: VIEWS[name] for name in ('real_1', 'fake_1')}
    return Term(
        d=Objective(queries, d, targets=looked_at),
        g=Objective({'fake_1': VIEWS['fake_1']}, g, targets={'fake_2': VIEWS['fake_2']}),
        head=ProjectionHeads(hidden, size),
        latents={'fake_nearby': nearby},
        init=init,
    )


def _query(out, view, source):
    return unit_rows(out[view]['head'][source])


def _key(out, view, source):
    return unit_rows(out[view]['target']['head'][source])
