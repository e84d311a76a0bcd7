"""One mesh: the batch is spread over all devices, everything else is on each of them.

With a second axis, 'model', the large arrays of a state are cut along it: parameters, optimisers
and averages that one device would not hold (Zhao et al. 2023, arXiv 2304.11277). The step puts a
network's parameters together before it uses them.

Results do not depend on the number of devices: random draws are those of the global batch, and a
mean over the batch, in a loss or in BatchNorm, is a mean over all devices.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from gan_jax.runtime.errors import UserError

MIN_SHARD_SIZE = 2**14  # numbers that an array has at least to be cut


def make_mesh(count: int, batch_size: int, accumulate: int = 1, model: int = 1) -> Mesh:
    """A mesh of count × model devices, all of them when count is -1.

    Args:
        count: along the axis 'data'.
        batch_size: of which all devices have equal shares, in each of its `accumulate` parts.
        accumulate: see `microbatch`.
        model: along the axis 'model'; with 1 there is none.

    Raises:
        UserError: there are fewer devices, or the parts of a batch do not divide among them.
    """
    devices = jax.devices()
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
    """Refuses a batch whose `accumulate` parts do not divide among all devices.

    Raises:
        UserError: that; `model` of the devices hold a state together.
    """
    if batch_size % (devices * accumulate):
        parts = f' in {accumulate} parts (config.accumulate)' if accumulate > 1 else ''
        fewer = '--config.mesh.data=N' + (' or --config.mesh.model=M' if model > 1 else '')
        raise UserError(
            f'config.batch_size {batch_size}{parts} does not divide among {devices} devices: '
            f'change it, or use fewer with {fewer}'
        )


def replicated(mesh: Mesh) -> NamedSharding:
    """Every device holds the whole array."""
    return NamedSharding(mesh, PartitionSpec())


def batch_sharding(mesh: Mesh, axis: int = 0) -> NamedSharding:
    """Axis number `axis` is spread over the devices."""
    return NamedSharding(mesh, PartitionSpec(*[None] * axis, mesh.axis_names))


def state_sharding(shapes: Any, mesh: Mesh) -> Any:
    """Where the arrays of a state lie, as a tree: on every device, large ones in parts.

    Args:
        shapes: a tree of arrays or `jax.ShapeDtypeStruct`s.
        mesh: from `make_mesh`.
    """
    parts = mesh.shape.get('model', 1)

    def of(array: Any) -> NamedSharding:
        axis = shard_axis(array.shape, parts)
        cut = () if axis is None else (*[None] * axis, 'model')
        return NamedSharding(mesh, PartitionSpec(*cut))

    return jax.tree.map(of, shapes)


def shard_axis(shape: Sequence[int], parts: int) -> int | None:
    """Where an array of a state is cut: at its longest axis that divides, of equal ones the last.

    None where it stays whole: it is small, or no axis divides into so many parts.
    """
    axes = [axis for axis, size in enumerate(shape) if size % parts == 0]
    if parts == 1 or math.prod(shape) < MIN_SHARD_SIZE or not axes:
        return None
    return max(axes, key=lambda axis: (shape[axis], axis))


def put(tree: Any, where: jax.sharding.Sharding) -> Any:
    """`jax.device_put`, also where some of the devices are those of other processes.

    Every process gives the same arrays, whole, and hands its own devices their parts.
    """
    if where.is_fully_addressable:
        return jax.device_put(tree, where)

    def parts(array: Any) -> jax.Array:
        array = np.asarray(array)
        return jax.make_array_from_callback(array.shape, where, lambda index: array[index])

    return jax.tree.map(parts, tree)


def place(tree: Any, shapes: Any) -> Any:
    """`put` of every array where its `jax.ShapeDtypeStruct` in `shapes` says."""
    return jax.tree.map(lambda x, like: put(x, like.sharding), tree, shapes)


def batch_constraint(mesh: Mesh):
    """A constraint that spreads the leading axis of every array of a tree over the devices.

    Latents need it: nothing else in the generator's pass has a batch that is already spread, and
    every device would run the whole of it.
    """

    def constrain(tree: Any) -> Any:
        return jax.lax.with_sharding_constraint(tree, batch_sharding(mesh))

    return constrain


def params_gatherer(mesh: Mesh):
    """A constraint that puts the parameters of a network whole on every device."""

    def gather(tree: Any) -> Any:
        if 'model' not in mesh.axis_names:
            return tree
        return jax.lax.with_sharding_constraint(tree, replicated(mesh))

    return gather


def workers(count: int) -> list[jax.Device]:
    """The devices that share work without a gradient: at most `count` of them, all when -1.

    Of a process's CPU devices it is one, since they are the same cores.
    """
    devices = jax.devices()
    if devices[0].platform == 'cpu':
        first = {device.process_index: device for device in reversed(devices)}
        return [first[process] for process in sorted(first)]
    return devices if count == -1 else devices[:count]


def line(devices: Sequence[jax.Device]) -> Mesh:
    """The mesh of these devices, with the one axis 'data'."""
    return grid({'data': len(devices)}, devices)


def grid(axes: Mapping[str, int], devices: Sequence[jax.Device]) -> Mesh:
    """The mesh of these devices, with so many along each axis."""
    # Explicit axes, jax's default, would refuse gathers and reshapes across the batch.
    types = (AxisType.Auto,) * len(axes)
    return jax.make_mesh(tuple(axes.values()), tuple(axes), axis_types=types, devices=devices)


def on_each(function: Callable[[Any, Any], Any], mesh: Mesh) -> Callable[[Any, Any], Any]:
    """A function of one fixed batch, compiled to run on every device, a batch on each.

    A device runs the same program whatever their number: rounding, which depends on the shape of a
    batch, does not depend on how many they are.

    Args:
        function: (what all share, a tree of [n, ...]) -> a tree of [n, ...].
        mesh: of D devices.

    Returns:
        (what all share, a tree of [D * n, ...]) -> the tree of [D * n, ...]; where some devices are
        those of other processes, whole in each, so that reading it asks nobody.
    """
    spread = PartitionSpec('data')
    # check_vma would refuse the derivatives of `models.conv`, and there is nothing for it to find.
    options = dict(in_specs=(PartitionSpec(), spread), out_specs=spread, check_vma=False)
    everywhere = replicated(mesh)
    out = None if everywhere.is_fully_addressable else everywhere
    return jax.jit(jax.shard_map(function, mesh=mesh, **options), out_shardings=out)
