"""Self-supervision by a puzzle: the discriminator tells how the tiles of an image were shuffled."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.terms import Objective, Term
from gan_jax.terms.labels import LinearHeads, cross_entropy
from gan_jax.views import Record, View, without_policy

# [24, 4]: place p of an image shuffled by row i has the tile PERMUTATIONS[i, p]; row 0 moves none.
PERMUTATIONS = np.array([*itertools.permutations(range(4))])


@without_policy
def shuffled_tiles(
    key: jax.Array, sources: Mapping[str, Record], policy: Callable, strength: Any
) -> Record:
    """The source's images with their four tiles in any order, drawn for each image.

    The record gains 'permutation' [B], int32: the row of `PERMUTATIONS`, each as likely.

    Raises:
        ValueError: a side of the images is odd.
    """
    del policy, strength
    own = sources['own']
    index = jax.random.randint(key, (len(own['image']),), 0, len(PERMUTATIONS), jnp.int32)
    return {**own, 'image': permute_tiles(own['image'], index), 'permutation': index}


def permute_tiles(images: jax.Array, index: jax.Array) -> jax.Array:
    """Images [B, H, W, C] cut into 2x2 tiles that are put in the order of a row of `PERMUTATIONS`.

    Args:
        images: of even H and W; tiles 0 and 1 are the upper left and right, 2 and 3 the lower.
        index: the row for each image, [B].

    Raises:
        ValueError: H or W is odd.
    """
    b, h, w, c = images.shape
    if h % 2 or w % 2:
        raise ValueError(f'images of {h}x{w} have no four equal tiles: give sides in even numbers')
    tiles = images.reshape(b, 2, h // 2, 2, w // 2, c).swapaxes(2, 3)
    tiles = tiles.reshape(b, 4, h // 2, w // 2, c)
    order = jnp.asarray(PERMUTATIONS)[index]  # [B, 4]
    moved = jnp.take_along_axis(tiles, order[:, :, None, None, None], axis=1)
    moved = moved.reshape(b, 2, 2, h // 2, w // 2, c).swapaxes(2, 3)
    return moved.reshape(b, h, w, c)


def jigsaw() -> Term:
    """The deshuffling loss, after DeshuffleGAN (Baykal & Unal 2020, arXiv 2006.08694).

    A head on D's features classifies which of the 24 orders the four tiles of an image are in. The
    loss is its cross entropy: of reals for the discriminator, of fakes for the generator. The paper
    has nine tiles and 30 orders that are far from each other, and a relativistic loss; its weights
    were not at hand, `rotation`'s are 1 for 'real' and 0.2 for 'fake'. Other terms see whole images
    only. Sides must be even.
    Parts: 'real' for the discriminator, 'fake' for the generator.
    """

    def objective(source):
        name = f'{source}_shuffled'

        def loss(out, state, key):
            view = out[name]
            return {source: cross_entropy(view['head']['order'], view['permutation'])}, state, {}

        return Objective({name: View(source, shuffled_tiles)}, loss)

    head = LinearHeads(('order',), len(PERMUTATIONS), use_bias=True)
    return Term(d=objective('real'), g=objective('fake'), head=head)
