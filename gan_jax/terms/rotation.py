"""Self-supervision by rotation: the discriminator tells by how much an image has been turned."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.models.spectral import spectral
from gan_jax.terms import Objective, Term
from gan_jax.terms.labels import cross_entropy
from gan_jax.views import View, rotated, rotated_quarter


class RotationHead(nn.Module):
    """A linear layer of four logits with spectral normalisation, as in all of SS-GAN's D."""

    @nn.compact
    def __call__(
        self, features: jax.Array, label: jax.Array, *, train: bool
    ) -> dict[str, jax.Array]:
        """features [N, F], label [N] (not read) -> {'turns': [N, 4]}."""
        dense = nn.Dense(4, kernel_init=nn.initializers.normal(0.02), name='dense')
        return {'turns': spectral(dense, features, train=train)}


def rotation(*, quarter: bool = True) -> Term:
    """SS-GAN's rotation loss (Chen et al. 2019, arXiv 1811.11212).

    A head on D's features classifies the angle by which an image was turned: 0°, 90°, 180° or 270°.
    The loss is its cross entropy, averaged over images and angles: of reals for the discriminator,
    of fakes for the generator. Weights: beta = 1 for 'real', alpha = 0.2 for 'fake'. Other terms
    see upright images only. Images must be square.
    Parts: 'real' for the discriminator, 'fake' for the generator.

    Args:
        quarter: True turns a quarter of the batch, as SS-GAN does: one more view of B images; B
            must be a multiple of 4. compare_gan takes the last B / 4 examples, here they are the
            last of every four, which is equivalent in a shuffled batch. False turns all images:
            three more views, and the same loss in expectation.
    """
    objective = _quarter if quarter else _all
    return Term(d=objective('real'), g=objective('fake'), head=RotationHead())


def _quarter(source):
    name = f'{source}_turned'

    def loss(out, state, key):
        view = out[name]
        return {source: cross_entropy(view['head']['turns'], view['turns'])}, state, {}

    return Objective({name: View(source, rotated_quarter)}, loss)


def _all(source):
    views = {source: View(source)}
    for turns in (1, 2, 3):
        views[f'{source}_{90 * turns}'] = View(source, rotated, options=(('turns', turns),))

    def loss(out, state, key):
        logits = jnp.stack([out[name]['head']['turns'] for name in views], axis=1)  # [B, 4, 4]
        return {source: cross_entropy(logits, jnp.arange(4))}, state, {}

    return Objective(views, loss)
