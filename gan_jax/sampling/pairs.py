"""Images of a run's generator that metrics compare with each other, by index.

`paths` makes them along paths between two latents, `shifts` of a shifted input.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import labels
from gan_jax.data.autoencoder import Decoder
from gan_jax.models.layers import is_half
from gan_jax.sampling.generate import BATCH
from gan_jax.sampling.truncation import untruncated
from gan_jax.state import TrainState

Space = Literal['w', 'z']


class Pairs(NamedTuple):
    """The pairs of a run's generator, for metrics.

    Attributes:
        has_w: () -> whether there are paths in w, see `paths.has_w`.
        takes_shift: () -> whether its input can be shifted, see `shifts.takes_shift`.
        statistics: () -> the statistics that BatchNorm uses in the images of the run, as in
            `generate.make_generate`; 'moving' without BatchNorm. Pairs take the moving averages.
        paths: space -> (state, block) -> the pairs of `paths.make_paths`, with seed 0.
        shifts: fractional -> (state, block) -> what `shifts.make_shifts` makes, with seed 0.
    """

    has_w: Callable[[], bool]
    takes_shift: Callable[[], bool]
    statistics: Callable[[], str]
    paths: Callable[[Space], Callable[[TrainState, int], tuple[jax.Array, jax.Array]]]
    shifts: Callable[[bool], Callable[[TrainState, int], tuple[jax.Array, jax.Array, jax.Array]]]


def by_block(
    of_block: Callable[..., Any], class_counts: labels.Counts, decoder: Decoder
) -> Callable[[Any, int, int], Any]:
    """A function of one block of indices, compiled, with products in full float32.

    Args:
        of_block: ((the generator's variables, the decoder's), seed, index [BATCH], classes [BATCH])
            -> anything.
        class_counts: image i has the class `labels.at(class_counts, [i])`.
        decoder: of codes, where the generator makes codes.

    Returns:
        (variables, seed, block) -> what `of_block` makes of the indices from block * BATCH on.
    """
    compiled = jax.jit(of_block)

    def found(variables: Any, seed: int, block: int) -> Any:
        index = np.arange(block * BATCH, (block + 1) * BATCH, dtype=np.int32)
        # Less precise products would differ more than the images of a pair do.
        with jax.default_matmul_precision('highest'):
            given = variables, decoder.variables
            return compiled(given, np.int32(seed), index, labels.at(class_counts, index))

    return found


def exact(generator: nn.Module) -> nn.Module:
    """The generator with float32 maps, and w that are not truncated, as published metrics are."""
    whole = untruncated(generator)
    return whole.clone(dtype=jnp.float32) if is_half(getattr(whole, 'dtype', None)) else whole
