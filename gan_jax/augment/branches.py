"""Policies joined to one, with a draw of its own for each image: `p`, `one_of`, `n_of`, `mix`.

The batch stays whole: every policy is computed for all images, and each image takes the results
that it drew. Joined policies therefore cost the sum of their costs, whatever the probabilities.

Each function takes policies as functions (key, images [B, H, W, C]) -> [B, H, W, C]. Policy i has
the key `named(key, i)`; the draw has `named(key, 'draw')`. Draws are float32 whatever the images'
dtype is: in bfloat16, U(0, 1) could be 1.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.augment import draws
from gan_jax.keys import named

Policy = Callable[[jax.Array, jax.Array], jax.Array]


def sometimes(
    key: jax.Array, images: jax.Array, policy: Policy, probability: jax.typing.ArrayLike
) -> jax.Array:
    """Each image, independently, changed with a probability [] in [0, 1], else left as it is.

    Probability 1 gives the policy's result, and 0 the images, bit for bit.

    Raises:
        ValueError: the probability is no scalar.
    """
    if jnp.ndim(probability) != 0:
        shape = list(jnp.shape(probability))
        raise ValueError(f'the probability must be a scalar, got shape {shape}')
    (draw,) = _draw(key, images, 1)
    changed = policy(named(key, 0), images)
    return _where(draw < jnp.asarray(probability, jnp.float32), changed, images)


def one_of(key: jax.Array, images: jax.Array, policies: Sequence[Policy]) -> jax.Array:
    """For each image one of the policies, equally likely."""
    (draw,) = _draw(key, images, 1)
    chosen = jnp.floor(draw * len(policies))
    first, *others = (policy(named(key, i), images) for i, policy in enumerate(policies))
    for i, other in enumerate(others, start=1):
        first = _where(chosen == i, other, first)
    return first


def n_of(key: jax.Array, images: jax.Array, policies: Sequence[Policy], count: int) -> jax.Array:
    """For each image `count` different policies, all choices equally likely.

    They are applied one after the other, in the order in which they are given.
    """
    chosen = draws.ranks(_draw(key, images, len(policies))) < count  # [policies, B]
    for i, policy in enumerate(policies):
        images = _where(chosen[i], policy(named(key, i), images), images)
    return images


def mix(key: jax.Array, images: jax.Array, policies: Sequence[Policy]) -> jax.Array:
    """The policies' results, averaged for each image with weights ~ Dirichlet(1, ..., 1)."""
    dtype = np.promote_types(images.dtype, np.float32)
    weights = draws.spacings(_draw(key, images, len(policies) - 1)).astype(dtype)
    weights = weights[..., None, None, None]
    results = (policy(named(key, i), images) for i, policy in enumerate(policies))
    mixed = (w * x.astype(dtype) for w, x in zip(weights, results, strict=True))
    return sum(mixed, start=jnp.zeros((), dtype)).astype(images.dtype)


def _draw(key: jax.Array, images: jax.Array, count: int) -> jax.Array:
    """[count, B] from U(0, 1), 1 excluded."""
    return jax.random.uniform(named(key, 'draw'), (count, images.shape[0]), jnp.float32)


def _where(chosen: jax.Array, changed: jax.Array, images: jax.Array) -> jax.Array:
    return jnp.where(chosen[:, None, None, None], changed, images)
