"""What a config would cost on devices that are not here: docs/plan.md has the same formulas."""

from typing import NamedTuple

from gan_jax.benchmark import alive
from gan_jax.benchmark.devices import Device
from gan_jax.benchmark.subject import Settings, Subject

# What XLA plans over our count of what a step keeps: likely, at least, at most. See docs/plan.md.
ROOM = 1.7, 1.0, 2.5
USABLE = 0.75  # of a device's memory: what JAX takes of a GPU's, unless told otherwise


class Amount(NamedTuple):
    """What each of n devices does: all of `fixed`, and its part of `spread`."""

    fixed: float
    spread: float

    def on(self, devices: int) -> float:
        """Of one of them."""
        return self.fixed + self.spread / devices


class Need(NamedTuple):
    """What a step takes.

    Attributes:
        flops: that products need, without the zeros around images.
        bytes: operands and results of products, and the state in and out.
        kept: bytes of memory beside `held`, as `alive` counts them.
        held: bytes of state and data set, on every device.
        gradients: bytes that are summed over devices.
    """

    flops: Amount
    bytes: Amount
    kept: Amount
    held: int
    gradients: int


class Forecast(NamedTuple):
    """A run on some devices.

    Attributes:
        devices: how many.
        memory: bytes on each: likely, at least and at most.
        fits: 'yes', 'no' or 'perhaps'.
        seconds: of a step.
        limit: what takes longest: 'products', 'memory' or 'links'.
        efficiency: speed over that of one device, for each device.
        device_hours: of all steps.
    """

    devices: int
    memory: tuple[float, float, float]
    fits: str
    seconds: float
    limit: str
    efficiency: float
    device_hours: float


def need(whole: Subject, data: int) -> Need:
    """What a step of a config takes, from traces of the whole batch and of half of it.

    Args:
        whole: the config; nothing is compiled.
        data: bytes of the data set that stay on every device.
    """
    settings = whole.settings
    one = half = _taken(whole)  # where a batch cannot be shared, all of it is every device's
    if len(counts(settings)) > 1:
        fewer = {**settings, 'batch_size': settings['batch_size'] // 2}
        half = _taken(whole._replace(settings=fewer))
    # On the line through both, at no images. What pairs images grows faster, and is small.
    fixed = [max(0, 2 * b - a) for a, b in zip(one, half, strict=True)]
    amounts = [Amount(f, a - f) for f, a in zip(fixed, one, strict=True)]
    return Need(*amounts, whole.held() + data, whole.gradients())


def counts(settings: Settings) -> list[int]:
    """1, 2, 4, ... devices, as far as the parts of a batch divide among them."""
    found = [1]
    while settings['batch_size'] % (2 * found[-1] * settings['accumulate']) == 0:
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

    def times(n: int) -> dict[str, float]:
        return {
            'products': need.flops.on(n) / (reached * getattr(device, dtype)),
            'memory': need.bytes.on(n) / device.bandwidth,
            'links': all_reduce(need.gradients, device, n),
        }

    def seconds(n: int) -> float:
        of = times(n)
        return max(of['products'], of['memory']) + of['links']

    kept = need.kept.on(count)
    memory = tuple(need.held + factor * kept for factor in ROOM)
    taken = times(count)
    return Forecast(
        devices=count,
        memory=memory,
        fits=_fits(memory, device.memory),
        seconds=seconds(count),
        limit=max(taken, key=taken.get),
        efficiency=seconds(1) / (count * seconds(count)),
        device_hours=count * steps * seconds(count) / 3600,
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


def _taken(whole: Subject) -> list[float]:
    """FLOPs, bytes and bytes kept on one device."""
    step = whole.traced()
    work = whole.work_in(step)
    return [work.needed, work.bytes, max(0, alive.most(step) - whole.held())]


def _fits(memory: tuple[float, float, float], limit: float) -> str:
    _, least, most = memory
    if most <= USABLE * limit:
        return 'yes'
    return 'no' if least > limit else 'perhaps'
