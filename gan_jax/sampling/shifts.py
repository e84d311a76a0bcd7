"""Images beside the images of a shifted input, by index.

The metric EQ-T compares them: "Alias-Free Generative Adversarial Networks" (Karras et al. 2021,
arXiv 2106.12423, equation 3 and appendix E). Of the published code, four images share one shift;
here each has its own. Images are not cut off at the ends of their range, as there, if the generator
leaves that to its attribute 'clipped', as ours do.
"""

import inspect
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax import labels
from gan_jax.data.autoencoder import PLAIN, Decoder
from gan_jax.keys import named
from gan_jax.latents import NORMAL, Latent, draw_by_index, uniform
from gan_jax.sampling.pairs import by_block, exact
from gan_jax.sampling.paths import has_w
from gan_jax.synthesis import synthesize

FARTHEST = 1 / 8  # of a side


def takes_shift(generator: nn.Module, latent_dim: int) -> bool:
    """True if the generator's method 'synthesize' makes images of 'w' and takes a 'shift'."""
    if not has_w(generator, latent_dim):
        return False
    return 'shift' in inspect.signature(generator.synthesize).parameters


def make_shifts(
    generator: nn.Module,
    fractional: bool,
    *,
    latent_dim: int,
    class_counts: labels.Counts,
    latent: Latent = NORMAL,
    decoder: Decoder = PLAIN,
) -> Callable[[Any, int, int], tuple[jax.Array, jax.Array, jax.Array]]:
    """A function that makes the images and shifted images of one block of indices.

    Image i has the latent and the class of image i of `generate.make_generate`, and its shifted
    image has its noise. The network is in evaluation mode and in full float32, and its w are not
    truncated.

    Args:
        generator: see `takes_shift`; shifts are [B, 2], along a row and along a column, in sides.
        fractional: False rounds shifts to whole pixels.
        latent_dim: Z.
        class_counts: image i has the class `labels.at(class_counts, [i])`.
        latent: the distribution of the latents.
        decoder: of codes, where the generator makes codes.

    Returns:
        (variables, seed, block) -> images, images of the shifted input, each float32 [BATCH, H, W,
        C], and shifts float32 [BATCH, 2], along a row and along a column, in pixels: even within ±
        `FARTHEST` of the side, of the indices from block * BATCH on.
    """

    def of_block(given, seed, index, classes):
        variables, weights = given
        z = draw_by_index(latent, named(jax.random.key(seed), 'sample'), index, latent_dim)

        def record(x, **more):
            key = named(jax.random.key(seed), 'rngs', index[0])
            return synthesize(generator, variables, x, classes, key, train=False, **more)[0]

        def images(w, shift):
            made = record(w, method='synthesize', inputs={'shift': shift.astype(w.dtype)})
            return decoder.decode(weights, made['image']).astype(jnp.float32)

        shift_key = named(jax.random.key(seed), 'shift')
        w, shift = record(z)['w'], FARTHEST * draw_by_index(uniform(), shift_key, index, 2)
        still = images(w, jnp.zeros_like(shift))
        sides = jnp.asarray([still.shape[2], still.shape[1]], jnp.float32)[None]
        pixels = sides * shift if fractional else jnp.round(sides * shift)
        return still, images(w, pixels / sides), pixels

    generator = exact(generator)
    generator = generator.clone(clipped=False) if hasattr(generator, 'clipped') else generator
    return by_block(of_block, class_counts, decoder)
