"""Ops that mix each image with another one of its batch.

A policy sees one source's batch at a time, so real images meet real ones and fakes meet fakes; the
label stays that of the first image. The other image is `partners`'s, which see for what is drawn.
"""

import jax
import jax.numpy as jnp

from gan_jax.augment import boxes, draws, operation
from gan_jax.keys import named


@operation.op(operation.CLOSED, mixes=True)
def cutmix(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """A box of αH × αW, α ~ U(0, λ), replaced by the box in the same place of another image.

    λ in [0, 1]. The box is drawn as `cutout`'s.
    """
    box = boxes.inner(named(key, 'box'), images, strength)
    return jnp.where(box, partners(named(key, 'partner'), images), images)


@operation.op(operation.CLOSED, mixes=True)
def mixup(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """(1-α)·I + α·I', α ~ U(0, λ), with another image I'; λ in [0, 1]."""
    (amount,) = strength * draws.uniform(named(key, 'amount'), images, 1)
    amount = amount[:, None, None, None]
    return (1 - amount) * images + amount * partners(named(key, 'partner'), images)


def partners(key: jax.Array, images: jax.Array) -> jax.Array:
    """For each image another one of its batch: [B, H, W, C]; a batch of one meets itself.

    The batch is rolled by a number of places that is drawn once, from 1 to B-1. Batches are in
    random order, so each image's partner is any other with equal chance; and a roll is two slices,
    which on a batch spread over devices costs one exchange of images, and whose backward pass is
    slices too, where that of a permutation is a scatter.
    """
    places = jax.random.randint(key, (), 1, images.shape[0], jnp.int32)
    return jnp.roll(images, places, axis=0)
