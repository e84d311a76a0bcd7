"""The cost of a config on devices that are not here; docs/plan.md has the same formulas."""

from typing import Any, NamedTuple

import jax

from gan_jax.benchmark.flops import of_jaxpr
from gan_jax.benchmark.planning import liveness
from gan_jax.benchmark.planning.devices import Device
from gan_jax.benchmark.workload import Settings, Workload
from gan_jax.runtime.sharding import check_batch, shard_axis
from gan_jax.state import nbytes

# Memory in XLA's plan over our count of a step's values: likely, least, greatest. See docs/plan.md.
ROOM = 1.7, 1.0, 2.5
USABLE = 0.75  # of a device's memory: JAX's default share of a GPU's memory


class Amount(NamedTuple):
    """Work or memory: each of n devices has all of `fixed`, and 1 / n of `sharded`."""

    fixed: float
    sharded: float

    def on(self, devices: int) -> float:
        """The amount on one of so many devices."""
        return self.fixed + self.sharded / devices


class Need(NamedTuple):
    """The work, the memory and the communication of a step.

    Attributes:
        flops: of products, without the zeros around images.
        products: bytes of their operands and results.
        kept: bytes of memory besides state and data, as `liveness` counts them.
        state: bytes; `model` devices share the arrays that can be sharded.
        data: bytes of the data set that stay on every device.
        gradients: bytes that are summed over devices.
        sharded: bytes of the sharded parameters, which a device gathers during an update.
        updates: of a step.
        model: devices that share a state.
    """

    flops: Amount
    products: Amount
    kept: Amount
    state: Amount
    data: int
    gradients: int
    sharded: int
    updates: int
    model: int

    def bytes(self, devices: int, model: int) -> float:
        """The memory traffic of a device, in bytes: of products, and its state in and out."""
        return self.products.on(devices) + 2 * self.state.on(model)


class Forecast(NamedTuple):
    """A run on some devices.

    Attributes:
        devices: the number of devices.
        memory: bytes on each: likely, least and greatest.
        fits: 'yes', 'no' or 'perhaps'.
        seconds: of a step.
        limit: the longest of 'products', 'memory' and 'links'.
        efficiency: speed of each device, over the speed of a single device that holds everything.
        device_hours: of all steps.
    """

    devices: int
    memory: tuple[float, float, float]
    fits: str
    seconds: float
    limit: str
    efficiency: float
    device_hours: float


def need(whole: Workload, data: int, model: int) -> Need:
    """The needs of a config's step, from traces of the whole batch and of a part of it.

    Args:
        whole: the config, for one device; nothing is compiled.
        data: bytes of the data set that stay on every device.
        model: devices that share a state.

    Raises:
        UserError: as `counts`.
    """
    settings, most = whole.settings, counts(whole.settings, model)[-1]
    one = part = _measured(whole)  # if a batch cannot be shared, all of it is every device's
    parts = max(2, most) if most % 2 else 2
    if most > 1:
        fewer = {**settings, 'batch_size': settings['batch_size'] // parts}
        part = _measured(whole._replace(settings=fewer))
    # On the line through both, at no images. Work on pairs of images grows faster, and is small.
    fixed = [max(0, parts * b - a) / (parts - 1) for a, b in zip(one, part, strict=True)]
    amounts = [Amount(f, a - f) for f, a in zip(fixed, one, strict=True)]
    state = whole.program.shapes
    sharded = _sharded(state, model)
    return Need(
        *amounts,
        state=Amount(nbytes(state) - sharded, sharded),
        data=data,
        gradients=whole.gradients(),
        sharded=_sharded((state.g.params, state.d.params), model),
        updates=settings['d_steps'] + 1,
        model=model,
    )


def counts(settings: Settings, model: int) -> list[int]:
    """1, 2, 4, ... times `model` devices, as long as the parts of a batch divide among them.

    Raises:
        UserError: they do not divide among the first of these.
    """
    size, parts = settings['batch_size'], settings['accumulate']
    check_batch(size, parts, model, model)
    found = [model]
    while size % (2 * found[-1] * parts) == 0:
        found.append(2 * found[-1])
    return found


def forecast(
    need: Need, device: Device, count: int, *, reached: float, dtype: str, steps: int
) -> Forecast:
    """A run of `steps` steps on `count` devices.

    Args:
        need: of a step.
        device: the kind of device.
        count: of devices.
        reached: the share of the peak that products reach.
        dtype: 'float32' or 'bfloat16', of the networks.
        steps: of the run.
    """

    def times(n: int, model: int) -> dict[str, float]:
        return {
            'products': need.flops.on(n) / (reached * getattr(device, dtype)),
            'memory': need.bytes(n, model) / device.bandwidth,
            # An all-gather is the second half of an all-reduce.
            'links': all_reduce(need.gradients, device, n)
            + need.updates * all_reduce(need.sharded, device, model) / 2,
        }

    def seconds(of: dict[str, float]) -> float:
        return max(of['products'], of['memory']) + of['links']

    fixed, kept = need.state.on(need.model) + need.sharded + need.data, need.kept.on(count)
    memory = tuple(fixed + factor * kept for factor in ROOM)
    taken, alone = times(count, need.model), times(1, 1)
    return Forecast(
        devices=count,
        memory=memory,
        fits=_fits(memory, device.memory),
        seconds=seconds(taken),
        limit=max(taken, key=taken.get),
        efficiency=seconds(alone) / (count * seconds(taken)),
        device_hours=count * steps * seconds(taken) / 3600,
    )


def all_reduce(size: float, device: Device, count: int) -> float:
    """Seconds for the sum of `size` bytes over `count` devices, on all of them.

    A ring inside each node, then a ring of nodes, in which all devices of a node send at the same
    time (Patarasuk and Yuan 2009: each of n members sends 2 (n - 1) / n of the summed bytes).
    """
    inside = min(count, device.node)
    nodes = -(-count // device.node)

    def ring(members: int, bandwidth: float) -> float:
        return 2 * (members - 1) / members * size / bandwidth

    return ring(inside, device.link) + ring(nodes, inside * device.network)


def _measured(whole: Workload) -> list[float]:
    """FLOPs, bytes of products and bytes kept on one device."""
    step = whole.traced()
    work = of_jaxpr(step)
    return [work.needed, work.bytes, max(0, liveness.peak_bytes(step) - whole.state_bytes())]


def _sharded(tree: Any, parts: int) -> int:
    """Bytes of the arrays that are sharded."""
    return nbytes([x for x in jax.tree.leaves(tree) if shard_axis(x.shape, parts) is not None])


def _fits(memory: tuple[float, float, float], limit: float) -> str:
    _, least, most = memory
    if most <= USABLE * limit:
        return 'yes'
    return 'no' if least > limit else 'perhaps'
