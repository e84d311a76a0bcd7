"""Trained networks that stay as they are, in whose maps a discriminator looks at images.

They lie below the networks and the metrics, which both use them and may not import each other.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from jax import Array

# The collection of variables that no optimiser moves: weights of a trained network, fixed draws.
FROZEN = 'frozen'


class FeatureNetwork(NamedTuple):
    """A trained network, for `gan_jax.models.projected`.

    Attributes:
        load: () -> its variables, a tree of float32 arrays, at every call the same.
        maps: (variables, images [N, H, W, C] in [0, 1]) -> its maps, each [N, h, h, c] and half as
            wide as the one before; differentiable in the images, of each image by itself, and
            without random numbers. It raises ValueError for images that it does not take.
    """

    load: Callable[[], Any]
    maps: Callable[[Any, Array], Sequence[Array]]
