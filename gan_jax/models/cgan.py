"""Classes by concatenation (Mirza & Osindero 2014, arXiv 1411.1784, section 3.2).

The generator's first layer reads latents and class side by side, by `with_classes`; a hidden layer
of the discriminator reads features and class side by side, in `ConcatLogit`, which fits any trunk.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from gan_jax.models.layers import Initializer, initializer
from gan_jax.models.spectral import maybe_spectral
from gan_jax.runtime.ranges import SomeClasses, Units

SLOPE = 0.2


def with_classes(x: Array, label: Array, num_classes: int) -> Array:
    """x [N, K] beside the class as a one-hot vector: [N, K + num_classes]; x with no classes.

    Args:
        x: [N, K].
        label: [N], not read without classes; a label outside 0 ... num_classes - 1 is all zeros.
        num_classes: 0 leaves x as it is.
    """
    if not num_classes:
        return x
    return jnp.concatenate([x, jax.nn.one_hot(label, num_classes, dtype=x.dtype)], axis=1)


class ConcatLogit(nn.Module):
    """The logit of features and class: w · a(W [φ, y] + b) + c, a the leaky ReLU of slope 0.2.

    Without the hidden layer the class would add one number to the logit, whatever the image. The
    paper joins both in maxout units.

    Attributes:
        num_classes: of the data; a label outside 0 ... num_classes - 1 is a vector of zeros.
        units: of the hidden layer.
        initializer: of both layers, as in `critic.Logit`.
        normalised: False leaves out the spectral normalisation of both layers.
    """

    num_classes: SomeClasses
    units: Units = 128
    initializer: Initializer = 'normal'
    normalised: bool = True

    @nn.compact
    def __call__(self, features: Array, label: Array, *, train: bool) -> dict[str, Array]:
        """{'logit': [N]} from features [N, F] and label [N].

        Raises:
            ValueError: no such initialiser.
        """
        call = maybe_spectral(self.normalised, train=train)
        init = initializer(self.initializer)
        x = with_classes(features, label, self.num_classes)
        x = nn.leaky_relu(call(nn.Dense(self.units, kernel_init=init, name='hidden'), x), SLOPE)
        return {'logit': call(nn.Dense(1, kernel_init=init, name='dense'), x)[:, 0]}
