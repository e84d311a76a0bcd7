"""Negative data augmentation: broken reals, shown to the discriminator as fakes."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from gan_jax.terms import Objective, Term
from gan_jax.terms.jigsaw import PERMUTATIONS, permute_tiles
from gan_jax.views import Record, View, without_policy


@without_policy
def broken(
    key: jax.Array, sources: Mapping[str, Record], policy: Callable, strength: Any
) -> Record:
    """The source's images with their four tiles in any order but the right one.

    Raises:
        ValueError: a side of the images is odd.
    """
    del policy, strength
    own = sources['own']
    index = jax.random.randint(key, (len(own['image']),), 1, len(PERMUTATIONS), jnp.int32)
    return {**own, 'image': permute_tiles(own['image'], index)}


def ood() -> Term:
    """Out-of-distribution images as further fakes, NDA (Sinha et al. 2021, arXiv 2102.05113).

    L_D += E max(0, 1 + D(b(x))), where b shuffles the tiles of a real image: near the data and
    never right, such images show D the border of the data. The paper's discriminator meets a
    mixture of fakes and broken images, the share of the latter being the weight of this part beside
    the weight of `adversarial.hinge`'s 'fake'; its b is one of several, this is its jigsaw. Sides
    must be even.
    Part: 'broken'.
    """

    def d(out, state, key):
        return {'broken': jnp.mean(jax.nn.relu(1 + out['real_broken']['logit']))}, state, {}

    return Term(d=Objective({'real_broken': View('real', broken)}, d))
