"""Adaptive pseudo augmentation: some reals of the discriminator are generated images."""

from typing import Annotated

import jax
import jax.numpy as jnp

from gan_jax.runtime.ranges import COUNT
from gan_jax.terms import Term
from gan_jax.terms.ada import Images, Target, ada


def apa(
    target: Target = 0.6, *, images: Images = 500_000.0, interval: Annotated[int, COUNT] = 4
) -> Term:
    """Deceives D with generated images as reals, APA (Jiang et al. 2021, arXiv 2111.06849).

    In an update of D each real gives way with probability p to a generated image, which D is then
    taught to take for real: L_D of x' = x or G(z), by an independent draw for each image. No
    gradient flows into G; an update of G meets the reals as they are. p follows r_t of these
    mixed reals by `ada.ada`'s controller, and starts at 0. Every term's views of 'real' are mixed,
    so that R1 is taken there too, and the images are augmented afterwards, but for `augment.real`,
    which the reals alone have behind them. The label of the generated image comes along; in the
    place of its row of the data set is -1.
    Image n takes the place of real n of the batch. It is one of the update's own fakes, which D
    meets as a fake as well, so that with a loss of pairs such a pair has no gradient; the authors'
    code (EndlessSora/DeceiveD) takes the images of G's last update, and leaves the label. The term
    adds nothing to a loss. Metrics: 'p' and 'r_t'.

    Args:
        target: of r_t, from -1 to 1.
        images: reals that D sees while p goes from 0 to 1.
        interval: updates of D between two changes; with `accumulate` each part of a batch counts.
    """

    def mix(key, sources, state):
        real = sources['real']
        fake = {**sources['fake'], 'index': jnp.full_like(real['label'], -1)}
        deceive = jax.random.bernoulli(key, state['p'], real['label'].shape)  # [B]
        return {**sources, 'real': {n: _rows(deceive, fake.get(n, x), x) for n, x in real.items()}}

    return ada(target, images=images, interval=interval)._replace(controls={}, mix=mix)


def _rows(first: jax.Array, one: jax.Array, other: jax.Array) -> jax.Array:
    """The rows of `one` where `first` [B] is True, else of `other`."""
    return jnp.where(first.reshape(-1, *[1] * (other.ndim - 1)), one, other)
