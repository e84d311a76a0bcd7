"""AugMix and RandAugment: ops that are drawn for each image.

Both draw from the translations and colour ops of their papers that this package has:

    translation_x, translation_y   a shift to either side, padded by reflection
    brightness, contrast, saturation   the distance from black, from the channel's mean and from
                                       luma, times 1 + a or 1 - a, clipped

The papers fill with gray or black, and contrast there has one mean for all channels. Left out are,
of both papers, autocontrast, equalize, posterize, solarize, rotate and the shears; of RandAugment
also sharpness. AugMix's nine ops have no colour ops; we take them from its longer list. Images
without three channels have no saturation.

All ops of a step are one program: an image has its own shift and its own factor, and the neutral
ones where its op is another. A step costs two products with small matrices and one loop over the
pixels, where five ops by themselves would each be computed for every image.
"""

import jax
import jax.numpy as jnp

from gan_jax.augment import colour, draws, operation, resample
from gan_jax.augment.colour import Channels

OPS = ('translation_x', 'translation_y', 'brightness', 'contrast', 'saturation')
FACTOR = 0.9  # the greatest change of a colour op's factor, in both papers
WIDTH, DEPTH = 3, 3  # AugMix's chains, and the ops of the longest


@operation.op(operation.CLOSED)
def randaugment(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """Two ops, one after the other, each any of `OPS` or the identity; λ in [0, 1] the magnitude.

    All are equally likely, with replacement. A shift is 150/331·λ of the side and a factor
    1 + 0.9·λ or 1 - 0.9·λ, with a random sign. The magnitude 9 of 30 is λ = 0.3.

    Source: Cubuk et al. 2019 (1909.13719), with N = 2; the magnitudes of its official code.
    """
    kinds, signs = draws.uniform(key, images, 4).reshape(2, 2, -1)  # [2 steps, B] each
    for kind, sign in zip(kinds, signs, strict=True):
        kind = jnp.floor(kind * (len(OPS) + 1))  # the last is the identity
        images = _step(images, kind, jnp.where(sign < 0.5, -strength, strength), 150 / 331)
    return images


@operation.op(operation.CLOSED)
def augmix(key: jax.Array, images: jax.Array, strength: jax.Array) -> jax.Array:
    """The image mixed with a mixture of three chains of ops; λ in [0, 1] is the severity over 10.

    Each chain has one to three ops of `OPS`, equally likely, with replacement; its weight in the
    mixture is of Dirichlet(1, 1, 1), and the mixture's against the image is U(0, 1), which is
    Beta(1, 1). Each op has a level a ~ U(λ/30, λ): a shift is a/3 of the side and a factor
    1 + 0.9·a or 1 - 0.9·a, with a random sign. The paper's severity, 3, is λ = 0.3. Its loss is
    left out: a consistency term on views of this policy takes its place.

    Source: Hendrycks et al. 2019 (1912.02781), algorithm 1, with its official code's levels, where
    factors lie between 0.1 and 0.64 only.
    """
    steps = 3 * DEPTH * WIDTH
    draw = draws.uniform(key, images, steps + 2 * WIDTH)
    # The chains of an image lie beside each other in one batch, [3 B]: a step is one program, and
    # each image stays on its device.
    kinds, signs, levels = _beside(draw[:steps].reshape(3, DEPTH, WIDTH, -1))  # [3 steps, 3 B]
    (depths,) = 1 + jnp.floor(DEPTH * _beside(draw[None, steps : steps + WIDTH]))
    *cuts, share = draw[steps + WIDTH :]
    amounts = strength * (1 / 30 + (1 - 1 / 30) * levels)
    chains = jnp.repeat(images, WIDTH, axis=0)
    for i in range(DEPTH):
        amount = jnp.where(signs[i] < 0.5, -amounts[i], amounts[i])
        changed = _step(chains, jnp.floor(kinds[i] * len(OPS)), amount, 1 / 3)
        chains = jnp.where(_column(i < depths), changed, chains)
    weights = draws.spacings(jnp.stack(cuts))
    chains = chains.reshape(-1, WIDTH, *images.shape[1:])
    mixture = sum(_column(weight) * chains[:, i] for i, weight in enumerate(weights))
    mixture = _column(1 - share) * images + _column(share) * mixture
    return jnp.where(strength == 0, images, mixture)  # a mixture of equal images rounds


def _beside(draw: jax.Array) -> jax.Array:
    """Draws [..., 3 chains, B] in the order of the chains: [..., 3 B]."""
    return jnp.swapaxes(draw, -1, -2).reshape(*draw.shape[:-2], -1)


def _step(images: jax.Array, kind: jax.Array, amount: jax.Array, most: float) -> jax.Array:
    """One op for each image.

    Args:
        images: [B, H, W, C].
        kind: [B], the index in `OPS` as a float; an index beyond is the identity.
        amount: [B] in [-1, 1].
        most: the shift of amount 1 over the side.
    """
    right, down = (jnp.where(kind == i, most * amount, 0) for i in (0, 1))
    images = resample.sample_rows(images, resample.translated(down, images.shape[1]))
    images = resample.sample_columns(images, resample.translated(right, images.shape[2]))
    factor = jnp.where((kind >= 2) & (kind < len(OPS)), 1 + FACTOR * amount, 1)
    return colour.merge(_blended(colour.split(images), kind, factor))


def _blended(channels: Channels, kind: jax.Array, factor: jax.Array) -> Channels:
    """The distance from the base of the op, times the factor [B]; bit for bit the same for 1."""
    kind, factor = kind[:, None, None], factor[:, None, None]
    changed = []
    for channel, gray in zip(channels, colour.grayscale(channels), strict=True):
        mean = jnp.mean(channel, axis=(1, 2), keepdims=True)
        base = jnp.where(kind == 2, 0, jnp.where(kind == 3, mean, gray))
        moved = colour.clip(base + factor * (channel - base))
        changed.append(jnp.where(factor == 1, channel, moved))
    return changed


def _column(amounts: jax.Array) -> jax.Array:
    return amounts[:, None, None, None]
