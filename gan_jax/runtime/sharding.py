"""The device mesh: the batch is sharded over all devices, the state is replicated or sharded.

Without an axis 'model' every device holds the whole state. With it, the large arrays of the state
are sharded along that axis: parameters, optimiser states and averages that do not fit on one device
(FSDP: Zhao et al. 2023, arXiv 2304.11277). The step gathers a network's parameters before it uses
them.

Results do not depend on the number of devices: random numbers are drawn for the global batch, and
means over the batch, in a loss or in BatchNorm, are means over all devices.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from gan_jax.runtime.errors import UserError

MIN_SHARD_SIZE = 2**14  # elements; smaller arrays of the state stay replicated


def make_mesh(
    count: int,
    batch_size: int,
    accumulate: int = 1,
    model: int = 1,
    among: Sequence[jax.Device] | None = None,
) -> Mesh:
    """A mesh of count × model devices, all of them when count is -1.

    Args:
        count: devices along the axis 'data'.
        batch_size: size of the global batch.
        accumulate: number of microbatches; each is divided equally among all devices.
        model: devices along the axis 'model'; 1 leaves that axis out.
        among: the devices to take them from; None is `jax.devices()`.

    Raises:
        UserError: there are too few devices, or a microbatch does not divide among them.
    """
    devices = jax.devices() if among is None else among
    used = len(devices) // model * model if count == -1 else count * model
    if not 0 < used <= len(devices):
        asked = f'config.mesh.data={count}, config.mesh.model={model}'
        raise UserError(f'{asked} asks for {used or model} devices, there are {len(devices)}')
    if used < len(devices) and jax.process_count() > 1:
        raise UserError(
            f'config.mesh takes {used} of the {len(devices)} devices of several processes, which '
            'have to take all: --config.mesh.data=-1 and a model that divides them'
        )
    check_batch(batch_size, accumulate, used, model)
    if model == 1:
        return line(devices[:used])
    return grid({'data': used // model, 'model': model}, devices[:used])


def check_batch(batch_size: int, accumulate: int, devices: int, model: int) -> None:
    """Refuses a batch if its microbatches do not divide among all devices.

    Args:
        batch_size: size of the global batch.
        accumulate: number of microbatches.
        devices: number of devices in the mesh.
        model: devices along the axis 'model', for the error message.

    Raises:
        UserError: `batch_size` is no multiple of `devices * accumulate`.
    """
    if batch_size % (devices * accumulate):
        parts = f' in {accumulate} parts (config.accumulate)' if accumulate > 1 else ''
        fewer = '--config.mesh.data=N' + (' or --config.mesh.model=M' if model > 1 else '')
        raise UserError(
            f'config.batch_size {batch_size}{parts} does not divide among {devices} devices: '
            f'change it, or use fewer with {fewer}'
        )


def replicated(mesh: Mesh) -> NamedSharding:
    """The sharding of an array that every device holds whole."""
    return NamedSharding(mesh, PartitionSpec())


def batch_sharding(mesh: Mesh, axis: int = 0) -> NamedSharding:
    """The sharding of an array whose axis `axis` is divided among all devices."""
    return NamedSharding(mesh, PartitionSpec(*[None] * axis, mesh.axis_names))


def state_sharding(shapes: Any, mesh: Mesh) -> Any:
    """The shardings of a state's arrays, as a tree: replicated, or along 'model' if large.

    Args:
        shapes: a tree of arrays or `jax.ShapeDtypeStruct`s.
        mesh: from `make_mesh`.
    """
    shards = mesh.shape.get('model', 1)

    def of(array: Any) -> NamedSharding:
        axis = shard_axis(array.shape, shards)
        spec = () if axis is None else (*[None] * axis, 'model')
        return NamedSharding(mesh, PartitionSpec(*spec))

    return jax.tree.map(of, shapes)


def shard_axis(shape: Sequence[int], shards: int) -> int | None:
    """The axis along which an array is sharded: the longest that divides; of equal ones, the last.

    None if the array stays replicated: it is small, or no axis divides into `shards`.
    """
    axes = [axis for axis, size in enumerate(shape) if size % shards == 0]
    if shards == 1 or math.prod(shape) < MIN_SHARD_SIZE or not axes:
        return None
    return max(axes, key=lambda axis: (shape[axis], axis))


def put(tree: Any, where: jax.sharding.Sharding) -> Any:
    """`jax.device_put`, for devices of other processes as well.

    Every process passes the same, whole arrays, and puts shards on its own devices.
    """
    if where.is_fully_addressable:
        return jax.device_put(tree, where)

    def put_shards(array: Any) -> jax.Array:
        array = np.asarray(array)
        return jax.make_array_from_callback(array.shape, where, lambda index: array[index])

    return jax.tree.map(put_shards, tree)


def on_cpu(mesh: Mesh) -> bool:
    """True for a mesh of CPU devices, where XLA is slow at loops and at grouped convolutions."""
    return mesh.devices.flat[0].platform == 'cpu'


def place(tree: Any, shapes: Any) -> Any:
    """Puts every array on the sharding of its `jax.ShapeDtypeStruct` in `shapes`."""
    return jax.tree.map(lambda x, like: put(x, like.sharding), tree, shapes)


def batch_constraint(mesh: Mesh):
    """A constraint that shards the leading axis of every array of a tree over the devices.

    Latents need it: no other input of the generator has a batch that is already sharded, and
    without it every device would generate the whole batch.
    """

    def constrain(tree: Any) -> Any:
        return jax.lax.with_sharding_constraint(tree, batch_sharding(mesh))

    return constrain


def params_gatherer(mesh: Mesh):
    """A constraint that gathers the parameters of a network, or their gradients, on every device.

    Gradients need it, although only a part of them moves the part of the parameters that a device
    holds: XLA would shard like them what they are computed from, spectrally normalised kernels and
    products with them, and gather both again.
    """

    def gather(tree: Any) -> Any:
        if 'model' not in mesh.axis_names:
            return tree
        return jax.lax.with_sharding_constraint(tree, replicated(mesh))

    return gather


def workers(count: int) -> list[jax.Device]:
    """The devices that share work without gradients: at most `count` of them, all if -1.

    One CPU device for each process, since the CPU devices of a process share the same cores.
    """
    devices = jax.devices()
    if devices[0].platform == 'cpu':
        first = {device.process_index: device for device in reversed(devices)}
        return [first[process] for process in sorted(first)]
    return devices if count == -1 else devices[:count]


def line(devices: Sequence[jax.Device]) -> Mesh:
    """The mesh of these devices along the single axis 'data'."""
    return grid({'data': len(devices)}, devices)


def grid(axes: Mapping[str, int], devices: Sequence[jax.Device]) -> Mesh:
    """The mesh of these devices, with `axes[name]` devices along each axis."""
    # Explicit axes, JAX's default, would refuse gathers and reshapes across the batch.
    types = (AxisType.Auto,) * len(axes)
    return jax.make_mesh(tuple(axes.values()), tuple(axes), axis_types=types, devices=devices)


def on_each(function: Callable[[Any, Any], Any], mesh: Mesh) -> Callable[[Any, Any], Any]:
    """A function of one batch of fixed size, compiled to run on one batch per device.

    Every device runs the same program, however many devices there are. Rounding depends on the
    size of a batch, and so not on the number of devices.

    Args:
        function: (shared arguments, a tree of [n, ...]) -> a tree of [n, ...].
        mesh: a mesh of D devices.

    Returns:
        (shared arguments, a tree of [D * n, ...]) -> a tree of [D * n, ...]. If other processes own
        some devices, the result is replicated, so that a process can read it without the others.
    """
    sharded = PartitionSpec('data')
    specs = (PartitionSpec(), sharded)
    # check_vma would refuse the derivatives of `models.conv`, and would find no fault in them.
    mapped = jax.shard_map(function, mesh=mesh, in_specs=specs, out_specs=sharded, check_vma=False)
    everywhere = replicated(mesh)
    out = None if everywhere.is_fully_addressable else everywhere
    return jax.jit(mapped, out_shardings=out)
