"""Three placebos: terms that cost what bCR and Cntr cost and lack what is said to make them work.

They are written as a fork would write a term of its own: one file outside the package, against the
contract of `gan_jax.terms`, named in a config by its path ('configs.sweeps.placebos.terms.stopped',
importable from the repository's root).
"""

import jax
import jax.numpy as jnp

from gan_jax.runtime.ranges import Scale, Units
from gan_jax.terms import Objective, Term
from gan_jax.terms.contrastive import cntr
from gan_jax.views import View, augmented


def stopped() -> Term:
    """bCR without the gradient through the augmented side.

    L = E (D(x) - sg D(t1(x)))^2 + E (D(G(z)) - sg D(t2(G(z))))^2: the logit of an image is drawn to
    that of its augmented copy, which the augmented copy does not feel. The loss has bCR's value.
    Parts: 'real', 'fake'.
    """
    return Term(d=Objective(_pairs(augmented), _squared_change(jax.lax.stop_gradient)))


def identity() -> Term:
    """bCR under the identity: a second look at the same pixels.

    The discriminator sees four views, as in bCR, and both differences are 0, whose gradient is 0
    too: what is left is bCR's cost, and rounding that differs from the vanilla run's. (The package
    itself would drop views under the identity policy; `copied` keeps them.)
    Parts: 'real', 'fake'.
    """
    return Term(d=Objective(_pairs(copied), _squared_change(lambda logit: logit)))


def shuffled(temperature: Scale = 0.1, *, hidden: Units = 128, size: Units = 128) -> Term:
    """Cntr with wrong positives: view 1 of an image is paired with view 2 of its neighbour.

    Batches come in random order, so the neighbour is a random other image. The right partner is
    among the negatives. Views, head and cost are those of `gan_jax.terms.contrastive.cntr`.
    Parts: 'real', 'fake'.

    Args:
        temperature: of the softmax, > 0.
        hidden: units of the head's hidden layer.
        size: units of its output.
    """
    right = cntr(temperature, hidden=hidden, size=size)

    def d(out, state, key):
        # Of the two draws of an image the second is handed on to the image before it.
        moved = {
            name: {**out[name], 'head': jax.tree.map(_neighbours, out[name]['head'])}
            for name, view in right.d.views.items()
            if view.draw == 1
        }
        return right.d.loss({**out, **moved}, state, key)

    return right._replace(d=right.d._replace(loss=d))


def copied(key, sources, policy, strength):
    """The view's source as it is, as a view of its own that shares no pixels with the plain one."""
    del key, policy, strength
    return sources['own']


def _neighbours(rows):
    return jnp.roll(rows, -1, axis=0)


def _pairs(make) -> dict[str, View]:
    return {
        'real': View('real'),
        'real_aug': View('real', make),
        'fake': View('fake'),
        'fake_aug': View('fake', make),
    }


def _squared_change(target):
    """bCR's loss with `target` applied to the logits of the augmented side."""

    def d(out, state, key):
        real = jnp.mean((out['real']['logit'] - target(out['real_aug']['logit'])) ** 2)
        fake = jnp.mean((out['fake']['logit'] - target(out['fake_aug']['logit'])) ** 2)
        return {'real': real, 'fake': fake}, state, {}

    return d
