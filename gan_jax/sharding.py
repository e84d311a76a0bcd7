"""One mesh, one axis: the batch is spread over devices, everything else is on all of them.

Results do not depend on the number of devices: random draws are those of the global batch, and a
mean over the batch, in a loss or in BatchNorm, is a mean over all devices.
"""

from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from gan_jax.errors import UserError


def make_mesh(count: int, batch_size: int) -> Mesh:
    """A mesh of `count` devices, all of them when -1.

    Raises:
        UserError: there are fewer devices, or the batch does not divide among them.
    """
    devices = jax.devices()
    used = len(devices) if count == -1 else count
    if used > len(devices):
        raise UserError(
            f'config.mesh.data asks for {used} devices, this machine has {len(devices)}'
        )
    if batch_size % used:
        raise UserError(
            f'config.batch_size {batch_size} does not divide among {used} devices: '
            'change it, or use fewer with --config.mesh.data=N'
        )
    # Explicit axes, jax's default, would refuse gathers and reshapes across the batch.
    return jax.make_mesh((used,), ('data',), axis_types=(AxisType.Auto,), devices=devices[:used])


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
