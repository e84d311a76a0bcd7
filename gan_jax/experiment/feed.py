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

Arrays = Mapping[str, jax.Array]


class Feed(NamedTuple):
    """A source of batches.

    Attributes:
        resident: () -> the arrays that stay on the devices.
        index_batch: (seed, step, count=1) -> the arrays that change with the step, indices or
            images, sharded over the devices. For `count` > 1, the arrays of `count` steps from
            `step` on, with a leading axis of length `count`.
        gather: (resident, indices or images) ->
            {'image': uint8 [k, B, H, W, C], 'label': int32 [k, B], 'index': int32 [k, B], the rows
            of the data set}, traced.
        shapes: of the resident arrays and of `index_batch` for one step, as
            `jax.ShapeDtypeStruct`s with shardings.
    """

    resident: Callable[[], Arrays]
    index_batch: Callable[..., Any]
    gather: Callable[[Arrays, Any], Arrays]
    shapes: tuple[Any, Any]


def make_feed(dataset: DataSet, mesh: Mesh, *, batch_size: int, rows: int) -> Feed:
    """The feed for a data set; a data set on disk, an `np.memmap`, is streamed.

    Args:
        dataset: the images; if in memory, every device of the mesh gets all of them, as uint8.
        mesh: from `sharding.make_mesh`.
        batch_size: B, size of the global batch of one discriminator update.
        rows: k, batches in a step, see `GAN.batches`.
    """
    if on_disk(dataset):
        return _streamed(dataset, mesh, batch_size, rows)
    return _resident(dataset, mesh, batch_size, rows)


def in_memory(dataset: DataSet) -> dict[str, np.ndarray]:
    """The arrays of a resident data set: {'image': uint8 [N, H * W * C], 'label': int32 [N]}.

    A row holds an image. A TPU would copy an array [N, H, W, C] in every step, into the layout from
    which it gathers rows.
    """
    return {
        'image': dataset.images.reshape(len(dataset.images), -1),
        'label': labels_of(dataset),
    }


def resident_shapes(
    dataset: DataSet, where: jax.sharding.Sharding
) -> dict[str, jax.ShapeDtypeStruct]:
    """The arrays of `in_memory` on devices, as shapes."""
    size, *shape = dataset.images.shape
    return {
        'image': jax.ShapeDtypeStruct((size, math.prod(shape)), jnp.uint8, sharding=where),
        'label': jax.ShapeDtypeStruct((size,), jnp.int32, sharding=where),
    }


def gather(resident: Arrays, indices: jax.Array, shape: Sequence[int]) -> Arrays:
    """The images and labels of some indices, with the indices.

    Args:
        resident: as `in_memory` has them.
        indices: [...].
        shape: of an image, [H, W, C].

    Returns:
        {'image': uint8 [..., H, W, C], 'label': int32 [...], 'index': int32 [...]}.
    """
    batch = {name: array[indices] for name, array in resident.items()}
    image = batch['image'].reshape(*indices.shape, *shape)
    return {**batch, 'image': image, 'index': indices}


def _resident(dataset: DataSet, mesh: Mesh, batch_size: int, rows: int) -> Feed:
    replicated, sharded = sharding.replicated(mesh), sharding.batch_sharding(mesh, axis=1)
    size, *shape = dataset.images.shape

    def index_batch(seed, step, count=1):
        steps = [sampler.of_step(seed, step + i, rows, batch_size, size) for i in range(count)]
        return _joined([one[:, own] for one in steps], mesh, batch_size)

    indices = jax.ShapeDtypeStruct((rows, batch_size), jnp.int32, sharding=sharded)
    own = _own(indices)
    return Feed(
        resident=functools.cache(lambda: sharding.put(in_memory(dataset), replicated)),
        index_batch=index_batch,
        gather=functools.partial(gather, shape=shape),
        shapes=(resident_shapes(dataset, replicated), indices),
    )


def _streamed(dataset: DataSet, mesh: Mesh, batch_size: int, rows: int) -> Feed:
    sharded = sharding.batch_sharding(mesh, axis=1)
    image = jax.ShapeDtypeStruct(
        (rows, batch_size, *dataset.images.shape[1:]), jnp.uint8, sharding=sharded
    )
    label = jax.ShapeDtypeStruct((rows, batch_size), jnp.int32, sharding=sharded)
    options = {'batch_size': batch_size, 'rows': rows, 'part': _own(label)}
    ahead = {}  # 'batches': the open stream; 'at': the (seed, step) of its next batch

    def index_batch(seed, step, count=1):
        if ahead.get('at') != (seed, step):
            ahead['batches'] = stream.batches(dataset, seed=seed, first=step, **options)
        ahead['at'] = seed, step + count
        return _joined([next(ahead['batches']) for _ in range(count)], mesh, batch_size)

    return Feed(
        resident=dict,
        index_batch=index_batch,
        gather=lambda resident, images: images,
        shapes=({}, {'image': image, 'label': label, 'index': label}),
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
