"""The cost of a config on devices that are not here; docs/plan.md has the same formulas."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax

from gan_jax.benchmark.flops import of_jaxpr
from gan_jax.benchmark.planning import liveness
from gan_jax.benchmark.planning.devices import Device
from gan_jax.benchmark.planning.programs import CompiledStep
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
        memory: bytes on each: likely, least and greatest, or the compiler's number alone.
        fits: 'yes', 'no' or 'perhaps'.
        seconds: of a step.
        limit: the longest of 'products', 'memory' and 'links', or of 'cycles' and 'links'.
        efficiency: speed of each device, over the speed of a single device that holds everything.
        device_hours: of all steps.
        compiled: what is by a compiler: 'memory', which says whether the run fits, or 'fits' alone;
            'step'; 'efficiency'.
    """

    devices: int
    memory: tuple[float, ...]
    fits: str
    seconds: float
    limit: str
    efficiency: float
    device_hours: float
    compiled: tuple[str, ...]


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
    sharded, nets = _sharded(state, model), (state.g, state.d, *state.nets.values())
    return Need(
        *amounts,
        state=Amount(nbytes(state) - sharded, sharded),
        data=data,
        gradients=whole.gradients(),
        sharded=_sharded([net.params for net in nets], model),
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
    need: Need,
    device: Device,
    count: int,
    *,
    reached: float,
    dtype: str,
    steps: int,
    compiled: Mapping[int, CompiledStep] = MappingProxyType({}),
) -> Forecast:
    """A run of `steps` steps on `count` devices.

    Args:
        need: of a step.
        device: the kind of device.
        count: of devices.
        reached: the share of the peak that products reach.
        dtype: 'float32' or 'bfloat16', of the networks.
        steps: of the run.
        compiled: number of devices -> the step compiled for so many devices of this kind.
    """

    def times(n: int, model: int) -> dict[str, float]:
        return {
            'products': need.flops.on(n) / (reached * getattr(device, dtype)),
            'memory': need.bytes(n, model) / device.bandwidth,
            # An all-gather is the second half of an all-reduce.
            'links': all_reduce(need.gradients, device, n)
            + need.updates * all_reduce(need.sharded, device, model) / 2,
        }

    here, one = compiled.get(count), compiled.get(1)
    taken, alone = times(count, need.model), times(1, 1)
    cycles, alone_cycles = _by_cycles(taken, here, device), _by_cycles(alone, one, device)
    # Cycles over a formula's seconds would say nothing, so both are of one kind.
    ratio = (alone_cycles, cycles) if alone_cycles and cycles else (alone, taken)
    memory, fits, columns = _room(_memory(need, count), here, device)
    if cycles:
        columns += ('step', 'efficiency') if alone_cycles else ('step',)
    seconds = _seconds(cycles or taken)
    return Forecast(
        devices=count,
        memory=memory,
        fits=fits,
        seconds=seconds,
        limit=max(cycles or taken, key=(cycles or taken).get),
        efficiency=_seconds(ratio[0]) / (count * _seconds(ratio[1])),
        device_hours=count * steps * seconds / 3600,
        compiled=columns,
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


def _by_cycles(
    times: Mapping[str, float], step: CompiledStep | None, device: Device
) -> dict[str, float] | None:
    """The times of a step with its estimated cycles in place of products and memory, if known."""
    if step is None or step.cycles is None or not device.clock:
        return None
    return {'cycles': step.cycles / device.clock, 'links': times['links']}


def _seconds(times: Mapping[str, float]) -> float:
    return max(value for key, value in times.items() if key != 'links') + times['links']


def _memory(need: Need, count: int) -> tuple[float, ...]:
    """Bytes on each of `count` devices by the formula: likely, least and greatest."""
    fixed, kept = need.state.on(need.model) + need.sharded + need.data, need.kept.on(count)
    return tuple(fixed + factor * kept for factor in ROOM)


def _room(
    memory: tuple[float, ...], step: CompiledStep | None, device: Device
) -> tuple[tuple[float, ...], str, tuple[str, ...]]:
    """(bytes on each device, the answer 'fits', what of both is by the compiler)."""
    if step is not None and step.refusal:
        return memory, 'no', ('fits',)
    if step is None or step.peak is None:
        return memory, _fits(memory, device.memory), ()
    return (step.peak,), _fits_compiled(step.peak, device), ('memory',)


def _fits(memory: tuple[float, ...], limit: float) -> str:
    _, least, most = memory
    if most <= USABLE * limit:
        return 'yes'
    return 'no' if least > limit else 'perhaps'


def _fits_compiled(peak: int, device: Device) -> str:
    if peak > device.memory:  # the compiler for cards does not refuse it
        return 'no'
    # The compiler for TPUs plans with all memory that a program gets.
    return 'perhaps' if device.compiler and peak > USABLE * device.memory else 'yes'
