"""The input pipeline: batches by index from device memory, or streamed from a disk.

Both give the same batches, a function of seed and step.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from gan_jax.data import DataSet, sampler, stream
from gan_jax.data.dataset import labels_of, on_disk
from gan_jax.runtime import sharding

ROW = 32_768  # numbers, of which a TPU gathers whole rows

Arrays = Mapping[str, jax.Array]
Shapes = Mapping[str, jax.ShapeDtypeStruct]


class Feed(NamedTuple):
    """A source of batches.

    Attributes:
        resident: () -> the arrays that stay on the devices.
        index_batch: (seed, step, count=1) -> the arrays that change with the step, from
            `sampler.drawn`, or with the images too, sharded over the devices. For `count` > 1, the
            arrays of `count` steps from `step` on, with a leading axis of length `count`.
        gather: (resident, arrays of a step) ->
            {'image': [k, B, H, W, C] of the data set's type, 'label': int32 [k, B], 'index': int32
            [k, B], the rows of the data set, and what `reals` add}, traced.
        shapes: of the resident arrays and of `index_batch` for one step, as
            `jax.ShapeDtypeStruct`s with shardings.
    """

    resident: Callable[[], Arrays]
    index_batch: Callable[..., Any]
    gather: Callable[[Arrays, Any], Arrays]
    shapes: tuple[Any, Any]


def make_feed(
    dataset: DataSet,
    mesh: Mesh,
    *,
    batch_size: int,
    rows: int,
    reals: sampler.Reals | None = None,
) -> Feed:
    """The feed for a data set; a data set on disk, an `np.memmap`, is streamed.

    Args:
        dataset: the images, uint8, or codes in their place, from `dataset.as_seen`; if in memory,
            every device of the mesh gets all of them in their type.
        mesh: from `sharding.make_mesh`.
        batch_size: B, size of the global batch of one discriminator update.
        rows: k, batches in a step, see `GAN.batches`.
        reals: as in `sampler.drawn`.

    Raises:
        PartError: as `sampler.drawn`.
    """
    options = {'batch_size': batch_size, 'rows': rows, 'reals': reals}
    first = sampler.example(rows, batch_size, len(dataset.images), reals)
    sharded = sharding.batch_sharding(mesh, axis=1)
    shapes = {n: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharded) for n, x in first.items()}
    kind = _streamed if on_disk(dataset) else _resident
    return kind(dataset, mesh, shapes, options)


def in_memory(dataset: DataSet) -> dict[str, np.ndarray]:
    """The arrays of a resident data set: {'image': [N * n, H * W * C / n], 'label': int32 [N]}.

    An image is n consecutive rows, of `ROW` numbers at most. In every step a TPU would copy an
    array [N, H, W, C] into the layout from which it gathers rows, and longer rows into pieces.
    """
    return {'image': dataset.images.reshape(_rows(dataset)), 'label': labels_of(dataset)}


def resident_shapes(
    dataset: DataSet, where: jax.sharding.Sharding
) -> dict[str, jax.ShapeDtypeStruct]:
    """The arrays of `in_memory` on devices, as shapes."""
    images = dataset.images
    return {
        'image': jax.ShapeDtypeStruct(_rows(dataset), images.dtype, sharding=where),
        'label': jax.ShapeDtypeStruct((len(images),), jnp.int32, sharding=where),
    }


def gather(resident: Arrays, drawn: Arrays, shape: Sequence[int]) -> Arrays:
    """The images and labels of some rows, and what came with the rows.

    Args:
        resident: as `in_memory` has them.
        drawn: {'index': int32 [...], the rows, and further entries}.
        shape: of an image, [H, W, C].

    Returns:
        {'image': [..., H, W, C], 'label': int32 [...]} beside what is drawn.
    """
    index, images = drawn['index'], resident['image']
    pieces = math.prod(shape) // images.shape[1]
    piece = jax.lax.broadcasted_iota(index.dtype, (*index.shape, pieces), index.ndim)
    rows = index[..., None] * pieces + piece
    image = images[rows].reshape(*index.shape, *shape)
    return {**drawn, 'image': image, 'label': resident['label'][index]}


def _rows(dataset: DataSet) -> tuple[int, int]:
    """The shape of the images as `in_memory` has them."""
    count, *shape = dataset.images.shape
    size = math.prod(shape)
    pieces = next(n for n in range(1, size + 1) if size % n == 0 and size // n <= ROW)
    return count * pieces, size // pieces


def _resident(dataset: DataSet, mesh: Mesh, drawn: Shapes, options: Mapping[str, Any]) -> Feed:
    replicated, own = sharding.replicated(mesh), _own(drawn['index'])
    batch_size, reals = options['batch_size'], options['reals']
    size, *shape = dataset.images.shape

    def index_batch(seed, step, count=1):
        steps = range(step, step + count)
        all_rows = [sampler.drawn(seed, i, options['rows'], batch_size, size, reals) for i in steps]
        return _joined(jax.tree.map(lambda x: x[:, own], all_rows), mesh, batch_size)

    return Feed(
        resident=functools.cache(lambda: sharding.put(in_memory(dataset), replicated)),
        index_batch=index_batch,
        gather=functools.partial(gather, shape=shape),
        shapes=(resident_shapes(dataset, replicated), drawn),
    )


def _streamed(dataset: DataSet, mesh: Mesh, drawn: Shapes, options: Mapping[str, Any]) -> Feed:
    index = drawn['index']
    images = dataset.images
    image = jax.ShapeDtypeStruct(
        (*index.shape, *images.shape[1:]), images.dtype, sharding=index.sharding
    )
    ahead = {}  # 'batches': the open stream; 'at': the (seed, step) of its next batch

    def index_batch(seed, step, count=1):
        if ahead.get('at') != (seed, step):
            own = {**options, 'part': _own(index)}
            ahead['batches'] = stream.batches(dataset, seed=seed, first=step, **own)
        ahead['at'] = seed, step + count
        steps = [next(ahead['batches']) for _ in range(count)]
        return _joined(steps, mesh, options['batch_size'])

    return Feed(
        resident=dict,
        index_batch=index_batch,
        gather=lambda resident, images: images,
        shapes=({}, {**drawn, 'image': image, 'label': index}),
    )


def _own(index_batch: jax.ShapeDtypeStruct) -> slice:
    """The slice of the rows [k, B] on this process's devices, which are consecutive."""
    indices = index_batch.sharding.addressable_devices_indices_map(index_batch.shape).values()
    spans = [span.indices(index_batch.shape[1]) for _, span in indices]
    return slice(min(first for first, _, _ in spans), max(last for _, last, _ in spans))


def _joined(steps: Sequence[Any], mesh: Mesh, batch_size: int) -> Any:
    """The arrays [k, B, ...] of one step, or [n, k, B, ...] of n steps, sharded over the devices.

    Args:
        steps: for each step a tree of [k, own, ...], the rows of this process.
        mesh: the mesh of the devices.
        batch_size: B.
    """
    axis = 1 if len(steps) == 1 else 2
    sharded = sharding.batch_sharding(mesh, axis)

    def join(*arrays: np.ndarray) -> jax.Array:
        mine = arrays[0] if axis == 1 else np.stack(arrays)
        shape = *mine.shape[:axis], batch_size, *mine.shape[axis + 1 :]
        return jax.make_array_from_process_local_data(sharded, mine, shape)

    return jax.tree.map(join, *steps)
