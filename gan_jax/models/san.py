"""The last layer of a discriminator as SAN trains it: direction and length apart.

Takida et al. 2023, arXiv 2301.12811. For features h and a weight w with the unit vector v = w / |w|
the logit <h, w> comes three times, equal in value and different in gradient; sg stops a gradient:

    logit      <h, v> |w|           plain, for the generator
    function   <h, sg(v)> |w|       trains h and the length of w
    direction  <sg(h), v> sg(|w|)   trains the direction of w alone

As in the authors' code (simple-san) |w| stays in the graph, and there is neither a bias on the
output nor spectral normalisation of w. Their layer's bias, which is added to h, is left out. The
terms of `gan_jax.terms.san` read these outputs.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array
from jax.lax import stop_gradient

from gan_jax.models.layers import Initializer, initializer
from gan_jax.runtime.ranges import SomeClasses


class SanLogit(nn.Module):
    """The unconditional logit of SAN.

    Attributes:
        initializer: of w, as in `critic.Logit`.
    """

    initializer: Initializer = 'normal'

    @nn.compact
    def __call__(self, features: Array, label: Array, *, train: bool) -> dict[str, Array]:
        """{'logit', 'function', 'direction': [N]} from features [N, F]; `label` is not used."""
        shape = (features.shape[-1], 1)
        w = self.param('kernel', initializer(self.initializer), shape, jnp.float32)
        return san_outputs(features, w.T)


class SanClassLogit(nn.Module):
    """The logit of SAN with a weight for each class.

    Attributes:
        num_classes: of the data; for a label outside 0 ... num_classes - 1 the outputs are 0.
        initializer: of the table of weights, as in `critic.Logit`.
    """

    num_classes: SomeClasses
    initializer: Initializer = 'normal'

    @nn.compact
    def __call__(self, features: Array, label: Array, *, train: bool) -> dict[str, Array]:
        """{'logit', 'function', 'direction': [N]} from features [N, F] and label [N]."""
        init = initializer(self.initializer)
        table = nn.Dense(features.shape[-1], use_bias=False, kernel_init=init, name='classes')
        one_hot = jax.nn.one_hot(label, self.num_classes, dtype=features.dtype)
        return san_outputs(features, table(one_hot))


def san_outputs(features: Array, w: Array) -> dict[str, Array]:
    """The three outputs [N] of features [N, F] and weights [N, F], or [1, F] for all.

    Where |w| is below 1e-12 it is taken as 1e-12, which has no gradient.
    """
    length = jnp.sqrt(jnp.maximum(jnp.sum(w**2, axis=1), 1e-24))  # [N] or [1]
    v = w / length[:, None]

    def product(h: Array, v: Array) -> Array:
        return jnp.sum(h * v, axis=1)

    return {
        'logit': product(features, v) * length,
        'function': product(features, stop_gradient(v)) * length,
        'direction': product(stop_gradient(features), v) * stop_gradient(length),
    }
