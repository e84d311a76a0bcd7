"""Ops that mix each image with another one of its batch.

A policy sees the batch of one source at a time: real images are mixed with real ones, fakes with
fakes. Each image keeps its own label. `partners` draws the other image.
"""

import jax
import jax.numpy as jnp

from gan_jax.augment import boxes, draws, operation
from gan_jax.keys import named


@operation.op(operation.CLOSED, mixes=True, codes=True)
def cutmix(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """A box of αH × αW, α ~ U(0, λ), replaced by the box in the same place of another image.

    λ in [0, 1]. The box is drawn as in `cutout`.
    """
    box = boxes.inner(named(key, 'box'), images, strength)
    return jnp.where(box, partners(named(key, 'partner'), images), images)


@operation.op(operation.CLOSED, mixes=True, codes=True)
def mixup(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """(1-α)·I + α·I', α ~ U(0, λ), with another image I'; λ in [0, 1]."""
    (amount,) = strength * draws.uniform(named(key, 'amount'), images, 1)
    amount = amount[:, None, None, None]
    return (1 - amount) * images + amount * partners(named(key, 'partner'), images)


def partners(key: jax.Array, images: jax.Array) -> jax.Array:
    """For each image another one of its batch: [B, H, W, C]; the only image of a batch gets itself.

    The batch is rolled by a number of places that is drawn once, from 1 to B-1. Batches are in
    random order, so each image's partner is any other with equal chance. A roll is two slices: on
    a batch spread over devices it costs one exchange of images, and its backward pass is slices
    too, where the backward pass of a permutation is a scatter.
    """
    places = jax.random.randint(key, (), 1, images.shape[0], jnp.int32)
    return jnp.roll(images, places, axis=0)
