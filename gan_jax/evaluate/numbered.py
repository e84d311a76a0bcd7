"""Numbers of pairs of generated images, a block of pairs at a time."""

from collections.abc import Callable

import numpy as np

from gan_jax.runtime.progress import Progress
from gan_jax.sampling.generate import BATCH


def first_rows(
    name: str, num: int, of_block: Callable[[int], np.ndarray], progress: Progress
) -> np.ndarray:
    """The first `num` rows of all blocks, [num, ...].

    Args:
        name: of the metric, under which the work is reported.
        num: of rows.
        of_block: block -> its rows, [BATCH, ...].
        progress: reports the work.
    """
    blocks, found = -(-num // BATCH), []
    with progress(name) as tick:
        for block in range(blocks):
            found.append(of_block(block))
            tick(block + 1, blocks)
    return np.concatenate(found)[:num]
