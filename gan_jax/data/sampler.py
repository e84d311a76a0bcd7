"""The images of each batch, a pure function of seed and step: resuming needs only the step."""

import functools
import zlib
from collections.abc import Callable, Mapping

import numpy as np

from gan_jax.runtime import shapes
from gan_jax.runtime.errors import of_part

# (random bits of a step, rows [k, B]) -> (rows of the images in their place, further entries).
Reals = Callable[[np.random.Philox, np.ndarray], tuple[np.ndarray, Mapping[str, np.ndarray]]]


@functools.lru_cache(maxsize=32)  # successive steps share an epoch; a few seeds take turns
def permutation(seed: int, epoch: int, size: int) -> np.ndarray:
    """A uniform permutation of range(size), int32 [size], read-only, by a seed and an epoch.

    It sorts raw Philox numbers, a stream that NumPy guarantees for ever. `Generator.permutation`
    may change with NumPy's version, which would change a resumed run.
    """
    raw = np.random.Philox(key=[seed, epoch]).random_raw(size)
    order = np.argsort(raw, kind='stable').astype(np.int32)
    order.flags.writeable = False  # the cache hands the same array to every caller
    return order


def of_step(seed: int, step: int, batches: int, batch_size: int, size: int) -> np.ndarray:
    """The images of a training step, int32 [batches, batch_size].

    They are the batches step·batches to (step + 1)·batches - 1 of `indices`.
    """
    numbers = range(step * batches, (step + 1) * batches)
    return np.stack([indices(seed, number, batch_size, size) for number in numbers])


def drawn(
    seed: int, step: int, batches: int, batch_size: int, size: int, reals: Reals | None = None
) -> dict[str, np.ndarray]:
    """The reals of a training step without their pixels and labels.

    Args:
        seed, step, batches, batch_size, size: as in `of_step`.
        reals: takes the rows of `of_step` to others; see `latents.Latent.reals`.

    Returns:
        {'index': int32 [batches, batch_size], the images, and further entries by name, [batches,
        batch_size, ...]}.

    Raises:
        PartError: `reals` fails or gives something else.
    """
    return _standing_in(of_step(seed, step, batches, batch_size, size), seed, step, size, reals)


def example(
    batches: int, batch_size: int, size: int, reals: Reals | None = None
) -> dict[str, np.ndarray]:
    """Arrays of the shapes and types that `drawn` gives, without its shuffle of all images.

    Raises:
        PartError: as `drawn`.
    """
    return _standing_in(np.zeros((batches, batch_size), np.int32), 0, 0, size, reals)


def _standing_in(
    rows: np.ndarray, seed: int, step: int, size: int, reals: Reals | None
) -> dict[str, np.ndarray]:
    if reals is None:
        return {'index': rows}
    key = [seed | zlib.crc32(b'reals') << 32, step]  # other bits than those of the permutations
    with of_part('config.latent'):
        index, more = reals(np.random.Philox(key=key), rows)
        return _checked(index, more, rows.shape, size)


def _checked(
    index: np.ndarray, more: Mapping[str, np.ndarray], shape: tuple[int, ...], size: int
) -> dict[str, np.ndarray]:
    index = shapes.array('the rows of its reals', index, shape)
    if index.dtype.kind not in 'iu' or index.min() < 0 or index.max() >= size:
        raise ValueError(f'the rows of its reals are no integers from 0 to {size - 1}')
    for name, entry in more.items():
        if name in ('image', 'label', 'index', 'z'):
            raise ValueError(f"its reals have an entry '{name}', which has another meaning")
        shapes.array(f"the entry '{name}' of its reals", entry, (*shape, ...))
        if entry.dtype.itemsize > 4:
            raise ValueError(f"the entry '{name}' of its reals is {entry.dtype}: give float32")
    return {**more, 'index': index.astype(np.int32)}


def indices(seed: int, step: int, batch_size: int, size: int) -> np.ndarray:
    """The images of batch `step`: slices of one permutation per epoch.

    The last `size % batch_size` images of an epoch's permutation are left out, so that no batch
    holds an image twice: a contrastive loss would take the copy for a negative.

    Args:
        seed: >= 0; batches of different seeds are independent.
        step: >= 0, counted over all epochs.
        batch_size: images in a batch, between 1 and `size`.
        size: images in the data set.

    Returns:
        int32 [batch_size], distinct, in [0, size).

    Raises:
        ValueError: an argument out of its range.
    """
    if not 1 <= batch_size <= size:
        raise ValueError(f'batch_size must be between 1 and the {size} images, got {batch_size}')
    if seed < 0 or step < 0:
        raise ValueError(f'seed and step must not be negative, got seed {seed} and step {step}')
    epoch, batch = divmod(step, size // batch_size)
    order = permutation(seed, epoch, size)
    return order[batch * batch_size : (batch + 1) * batch_size].copy()
