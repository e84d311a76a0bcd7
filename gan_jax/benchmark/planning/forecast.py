"""What a config would cost on devices that are not here: docs/plan.md has the same formulas."""

from typing import Any, NamedTuple

import jax

from gan_jax.benchmark.flops import of_jaxpr
from gan_jax.benchmark.planning import liveness
from gan_jax.benchmark.planning.devices import Device
from gan_jax.benchmark.workload import Settings, Workload
from gan_jax.runtime.sharding import check_batch, shard_axis
from gan_jax.state import nbytes

# What XLA plans over our count of what a step keeps: likely, at least, at most. See docs/plan.md.
ROOM = 1.7, 1.0, 2.5
USABLE = 0.75  # of a device's memory: what JAX takes of a GPU's, unless told otherwise


class Amount(NamedTuple):
    """What each of n devices does or holds: all of `fixed`, and its part of `spread`."""

    fixed: float
    spread: float

    def on(self, devices: int) -> float:
        """Of one of them."""
        return self.fixed + self.spread / devices


class Need(NamedTuple):
    """What a step takes.

    Attributes:
        flops: that products need, without the zeros around images.
        products: bytes of their operands and results.
        kept: bytes of memory beside state and data, as `liveness` counts them.
        state: bytes, of which `model` devices share what can be cut.
        data: bytes of the data set that stay on every device.
        gradients: bytes that are summed over devices.
        cut: bytes of the parameters that are cut, which a device holds whole during an update.
        updates: of a step.
        model: devices that hold a state together.
    """

    flops: Amount
    products: Amount
    kept: Amount
    state: Amount
    data: int
    gradients: int
    cut: int
    updates: int
    model: int

    def bytes(self, devices: int, model: int) -> float:
        """That go through the memory of a device: of products, and its state in and out."""
        return self.products.on(devices) + 2 * self.state.on(model)


class Forecast(NamedTuple):
    """A run on some devices.

    Attributes:
        devices: how many.
        memory: bytes on each: likely, at least and at most.
        fits: 'yes', 'no' or 'perhaps'.
        seconds: of a step.
        limit: what takes longest: 'products', 'memory' or 'links'.
        efficiency: speed over that of one device that would hold it all, for each device.
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
    """What a step of a config takes, from traces of the whole batch and of a part of it.

    Args:
        whole: the config, for one device; nothing is compiled.
        data: bytes of the data set that stay on every device.
        model: devices that hold a state together.

    Raises:
        UserError: as `counts`.
    """
    settings, most = whole.settings, counts(whole.settings, model)[-1]
    one = part = _taken(whole)  # where a batch cannot be shared, all of it is every device's
    parts = max(2, most) if most % 2 else 2
    if most > 1:
        fewer = {**settings, 'batch_size': settings['batch_size'] // parts}
        part = _taken(whole._replace(settings=fewer))
    # On the line through both, at no images. What pairs images grows faster, and is small.
    fixed = [max(0, parts * b - a) / (parts - 1) for a, b in zip(one, part, strict=True)]
    amounts = [Amount(f, a - f) for f, a in zip(fixed, one, strict=True)]
    state = whole.program.shapes
    cut = _cut(state, model)
    return Need(
        *amounts,
        state=Amount(nbytes(state) - cut, cut),
        data=data,
        gradients=whole.gradients(),
        cut=_cut((state.g.params, state.d.params), model),
        updates=settings['d_steps'] + 1,
        model=model,
    )


def counts(settings: Settings, model: int) -> list[int]:
    """1, 2, 4, ... times `model` devices, as far as the parts of a batch divide among them.

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
        device: what each can do.
        count: devices.
        reached: the share of the peak that products reach.
        dtype: 'float32' or 'bfloat16', of the networks.
        steps: of the run.
    """

    def times(n: int, model: int) -> dict[str, float]:
        return {
            'products': need.flops.on(n) / (reached * getattr(device, dtype)),
            'memory': need.bytes(n, model) / device.bandwidth,
            # Putting together is the second half of a sum.
            'links': all_reduce(need.gradients, device, n)
            + need.updates * all_reduce(need.cut, device, model) / 2,
        }

    def seconds(of: dict[str, float]) -> float:
        return max(of['products'], of['memory']) + of['links']

    held, kept = need.state.on(need.model) + need.cut + need.data, need.kept.on(count)
    memory = tuple(held + factor * kept for factor in ROOM)
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

    A ring inside of each node, and one of the nodes, whose devices send at the same time
    (Patarasuk and Yuan 2009: either way each of n members sends 2 (n - 1) / n of what is summed).
    """
    inside = min(count, device.node)
    nodes = -(-count // device.node)

    def ring(members: int, bandwidth: float) -> float:
        return 2 * (members - 1) / members * size / bandwidth

    return ring(inside, device.link) + ring(nodes, inside * device.network)


def _taken(whole: Workload) -> list[float]:
    """FLOPs, bytes of products and bytes kept on one device."""
    step = whole.traced()
    work = of_jaxpr(step)
    return [work.needed, work.bytes, max(0, liveness.peak_bytes(step) - whole.held())]


def _cut(tree: Any, parts: int) -> int:
    """Bytes of the arrays that are cut."""
    return nbytes([x for x in jax.tree.leaves(tree) if shard_axis(x.shape, parts) is not None])


def _fits(memory: tuple[float, float, float], limit: float) -> str:
    _, least, most = memory
    if most <= USABLE * limit:
        return 'yes'
    return 'no' if least > limit else 'perhaps'
