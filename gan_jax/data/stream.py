"""Batches of a data set that lies on disk: read ahead by grain's threads while a step computes.

The images of a batch are a function of the seed and the step alone, the same function as for a data
set in memory. So both train alike, bit for bit, and a resumed run starts at its step: there is no
state to save and nothing to skip.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gan_jax.data import sampler
from gan_jax.data.dataset import DataSet, labels_of
from gan_jax.runtime import environment
from gan_jax.runtime.errors import DATA, DISK, UserError

THREADS = 2  # batches that are read at the same time
AHEAD = 4  # batches that are read ahead into memory
ENDLESS = 2**40  # steps; grain wants a length

Batch = dict[str, np.ndarray]


def batches(
    dataset: DataSet,
    *,
    seed: int,
    first: int,
    batch_size: int,
    rows: int,
    part: slice = slice(None),
    reals: sampler.Reals | None = None,
) -> Iterator[Batch]:
    """The batches of the steps `first`, `first + 1`, and so on without end.

    Only the rows of these batches are read, at most `AHEAD` batches in advance.
    Closing the iterator (`.close()`, or dropping it) stops the threads.

    Args:
        dataset: images as an `np.memmap` of a file, or any array; labels None give zeros.
        seed: >= 0, the seed of `sampler.indices`.
        first: >= 0, the step to begin with.
        batch_size: B, images in a sub-batch, between 1 and N.
        rows: k >= 1, sub-batches of a step; sub-batch i of step s is number s·k + i of
            `sampler.indices`.
        part: the images of every sub-batch that are read; all by default.
        reals: as in `sampler.drawn`.

    Returns:
        An iterator of {'image': uint8 [k, B, H, W, C], 'label': int32 [k, B], 'index': int32
        [k, B], the rows of the data set, and what `reals` add}; with a `part`, B is the number of
        its images.

    Raises:
        UserError: grain is not installed; or, from the iterator, the images cannot be read, or
            their file was replaced, cut off or written to since the iterator was made.
        ValueError: an argument out of its range.
    """
    try:
        import grain
    except ImportError as fault:
        raise UserError(
            'a data set too large for memory is read by grain, which is not installed: '
            f'{environment.install("grain")}'
        ) from fault
    read = _reader(dataset, seed, batch_size, rows, part, reals)
    sampler.indices(seed, first * rows, batch_size, len(dataset.images))  # raises here already
    ahead = grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=AHEAD)
    steps = grain.MapDataset.range(first, first + ENDLESS)
    return _closing(iter(steps.map(read).to_iter_dataset(ahead)))


def _reader(
    dataset: DataSet,
    seed: int,
    batch_size: int,
    rows: int,
    part: slice,
    reals: sampler.Reals | None,
) -> Callable[[int], Batch]:
    """The function step -> batch that grain's threads run."""
    images, labels = dataset.images, labels_of(dataset)
    check = _change_check(getattr(images, 'filename', None))

    def read(step: int) -> Batch:
        drawn = sampler.drawn(seed, step, rows, batch_size, len(images), reals)
        own = {name: array[:, part] for name, array in drawn.items()}
        check()  # before they are touched: a page behind the end of a file kills the process
        return {**own, 'image': images[own['index']], 'label': labels[own['index']]}

    return read


def _change_check(file: Any) -> Callable[[], None]:
    """A function that raises if the file has changed since this call; `file` may be None."""
    if file is None:
        return lambda: None

    def identity() -> tuple[int, ...]:
        try:
            stat = os.stat(file)
        except OSError as fault:
            raise UserError(f'{file} can no longer be read ({fault.strerror})', DISK) from fault
        return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns

    before = identity()

    def check() -> None:
        if identity() != before:
            raise UserError(
                f'{file} was changed while it was read: put the file back as it was and resume, '
                'or train anew on the new one',
                DATA,
            )

    return check


def _closing(iterator: Any) -> Iterator[Batch]:
    """The same batches; grain's threads end whenever the loop over them ends."""
    try:
        yield from iterator
    finally:
        iterator.close()
