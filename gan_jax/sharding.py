"""One mesh, one axis: the batch is spread over devices, everything else is on all of them.

Results do not depend on the number of devices: random draws are those of the global batch, and a
mean over the batch, in a loss or in BatchNorm, is a mean over all devices.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from gan_jax.errors import UserError


def make_mesh(count: int, batch_size: int, accumulate: int = 1) -> Mesh:
    """A mesh of `count` devices, all of them when -1, for batches in `accumulate` parts.

    Raises:
        UserError: there are fewer devices, or the parts of a batch do not divide among them.
    """
    devices = jax.devices()
    used = len(devices) if count == -1 else count
    if used > len(devices):
        raise UserError(
            f'config.mesh.data asks for {used} devices, this machine has {len(devices)}'
        )
    if batch_size % (used * accumulate):
        parts = f' in {accumulate} parts (config.accumulate)' if accumulate > 1 else ''
        raise UserError(
            f'config.batch_size {batch_size}{parts} does not divide among {used} devices: '
            'change it, or use fewer with --config.mesh.data=N'
        )
    return line(devices[:used])


def replicated(mesh: Mesh) -> NamedSharding:
    """Every device holds the whole array."""
    return NamedSharding(mesh, PartitionSpec())


def batch_sharding(mesh: Mesh, axis: int = 0) -> NamedSharding:
    """Axis number `axis` is spread over the devices."""
    return NamedSharding(mesh, PartitionSpec(*[None] * axis, 'data'))


def shard_with(mesh: Mesh):
    """The `shard` of `make_train_step`: spreads the leading axis of every array of a tree.

    Latents need it: nothing else in the generator's pass has a batch that is already spread, and
    every device would run the whole of it.
    """

    def shard(tree: Any) -> Any:
        return jax.lax.with_sharding_constraint(tree, batch_sharding(mesh))

    return shard


def workers(count: int) -> list[jax.Device]:
    """The devices that share work without a gradient: at most `count` of them, all when -1.

    Of a CPU's it is one, since they are the same cores.
    """
    devices = jax.local_devices()
    if devices[0].platform == 'cpu':
        return devices[:1]
    return devices if count == -1 else devices[:count]


def line(devices: Sequence[jax.Device]) -> Mesh:
    """The mesh of these devices, with the one axis 'data'."""
    # Explicit axes, jax's default, would refuse gathers and reshapes across the batch.
    return jax.make_mesh((len(devices),), ('data',), axis_types=(AxisType.Auto,), devices=devices)


def on_each(function: Callable[[Any, Any], Any], mesh: Mesh) -> Callable[[Any, Any], Any]:
    """A function of one fixed batch, compiled to run on every device, a batch on each.

    A device runs the same program whatever their number: rounding, which depends on the shape of a
    batch, does not depend on how many they are.

    Args:
        function: (what all share, a tree of [n, ...]) -> a tree of [n, ...].
        mesh: of D devices.

    Returns:
        (what all share, a tree of [D * n, ...]) -> the tree of [D * n, ...].
    """
    spread = PartitionSpec('data')
    # check_vma would refuse the derivatives of `models.conv`, and there is nothing for it to find.
    options = dict(in_specs=(PartitionSpec(), spread), out_specs=spread, check_vma=False)
    return jax.jit(jax.shard_map(function, mesh=mesh, **options))
