"""Pairs of images at a small step along a path between two latents, by index.

The perceptual path length compares them: "A Style-Based Generator Architecture for Generative
Adversarial Networks" (Karras et al. 2018, arXiv 1812.04948, section 4.1).
"""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax import labels
from gan_jax.data.autoencoder import PLAIN, Decoder
from gan_jax.keys import named
from gan_jax.latents import NORMAL, Latent, draw_by_index
from gan_jax.sampling.pairs import Space, by_block, exact
from gan_jax.synthesis import synthesize

STEP = 1e-4  # of the way from one end of the path to the other


def shapes_of_w(generator: nn.Module, latent_dim: int) -> Mapping[str, jax.ShapeDtypeStruct]:
    """The record of two images, in shapes, of a generator whose 'synthesize' makes them from 'w'.

    Others have none: {}.
    """

    def record(z, label):
        return generator.init_with_output(jax.random.key(0), z, label, train=True)[0]

    z, label = jnp.zeros((2, latent_dim)), jnp.zeros(2, jnp.int32)
    found = jax.eval_shape(record, z, label)
    has_w = isinstance(found, dict) and 'w' in found and hasattr(generator, 'synthesize')
    return found if has_w else {}


def has_w(generator: nn.Module, latent_dim: int) -> bool:
    """True if the generator's record has a 'w', and its method 'synthesize' makes images of it."""
    return bool(shapes_of_w(generator, latent_dim))


def make_paths(
    generator: nn.Module,
    space: Space,
    *,
    latent_dim: int,
    class_counts: labels.Counts,
    latent: Latent = NORMAL,
    decoder: Decoder = PLAIN,
) -> Callable[[Any, int, int], tuple[jax.Array, jax.Array]]:
    """A function that makes the pairs of one block of indices.

    A pair has one class and the same noise. The network is in evaluation mode and in full float32,
    and its w are not truncated. With the space 'w' the path runs between the w of two latents, with
    'z' between the latents, straight in both.

    Args:
        generator: as `synthesis.synthesize` takes it; for 'w' see `has_w`.
        space: 'w' or 'z'.
        latent_dim: Z.
        class_counts: pair i has the class `labels.at(class_counts, [i])`.
        latent: the distribution of the latents.
        decoder: of codes, where the generator makes codes.

    Returns:
        (variables, seed, block) -> images at the beginning of the paths and one `STEP` further,
        each float32 [BATCH, H, W, C] in [0, 1], of the indices from block * BATCH on.
    """

    def ends(seed, index, purpose):
        return draw_by_index(latent, named(jax.random.key(seed), purpose), index, latent_dim)

    def of_block(given, seed, index, classes):
        variables, weights = given
        key = named(jax.random.key(seed), 'rngs', index[0])

        def record(x, method):
            return synthesize(generator, variables, x, classes, key, train=False, method=method)[0]

        a, b = (ends(seed, index, purpose) for purpose in ('path', 'path_end'))
        method = '__call__'
        if space == 'w':
            (a, b), method = (record(z, method)['w'] for z in (a, b)), 'synthesize'
        made = (record(x, method)['image'] for x in (a, a + STEP * (b - a)))
        images = (decoder.decode(weights, one) for one in made)
        return tuple(jnp.clip(image.astype(jnp.float32), 0, 1) for image in images)

    generator = exact(generator)
    return by_block(of_block, class_counts, decoder)
