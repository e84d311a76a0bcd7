"""Memory of the devices: a check before the start, and advice when a run does not fit."""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax

from gan_jax.experiment.values import PARTS
from gan_jax.runtime.errors import DIVERGED, UserError
from gan_jax.state import nbytes

# Memory limit of a container, in versions 2 and 1 of control groups.
LIMITS = Path('/sys/fs/cgroup/memory.max'), Path('/sys/fs/cgroup/memory/memory.limit_in_bytes')

# The size in XLA's message: '17179869184 bytes', '16.00GiB', '20.2G'.
_SIZE = re.compile(r'\b\d[\d.]* ?(?:bytes|[KMGT](?:i?B)?)\b')


def check_memory(shapes: Any) -> None:
    """Refuses a state that cannot fit, before any of it is allocated.

    A state that passes may still be too large together with the memory of a step, see `advising`.

    Args:
        shapes: `jax.ShapeDtypeStruct`s with the shardings of a state.

    Raises:
        UserError: the shards of one device are larger than the device's memory. CPU devices share
            one memory, so there the whole state is compared with the memory of the machine or
            container.
    """
    held = sum(_held(leaf) for leaf in jax.tree.leaves(shapes))
    there = available()
    if there is not None and held > there:
        where = 'this machine' if jax.default_backend() == 'cpu' else 'a device'
        raise UserError(
            f'the state of this run takes {held / 1e9:.1f} GB, and {where} has {there / 1e9:.1f} '
            'GB for it: make the networks or config.latent.dim smaller, or cut the state over more '
            'devices (--config.mesh.model)',
            DIVERGED,
        )


def available() -> int | None:
    """Bytes of a device's memory, on a CPU of the machine's or container's; None if unknown."""
    device = jax.local_devices()[0]
    if device.platform == 'cpu':
        return min([os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES'), *_limits()])
    return (device.memory_stats() or {}).get('bytes_limit')


@contextlib.contextmanager
def advising(settings: Mapping[str, Any]) -> Iterator[None]:
    """Turns an out-of-memory error of a device into a `UserError` that says what to change.

    The error may come late: JAX raises it where a program's result is first read.

    Args:
        settings: the resolved config of the run that is trained inside.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        message = str(error)
        if 'RESOURCE_EXHAUSTED' not in message and 'out of memory' not in message.lower():
            raise
        raise UserError(_sentence(message, settings), DIVERGED) from error


def advice(settings: Mapping[str, Any], *, platform: str, devices: int) -> list[str]:
    """Ways to reduce a run's memory that its config does not use yet, the smallest change first.

    Args:
        settings: the resolved config of the run.
        platform: 'cpu', 'gpu' or 'tpu'. On a CPU, microbatches and rematerialisation save nothing,
            and all devices share one memory.
        devices: number of devices of this machine.
    """
    size, accumulate, mesh = settings['batch_size'], settings['accumulate'], settings['mesh']
    used = devices if mesh['data'] == -1 else mesh['data'] * mesh['model']
    ways, accelerator = [], platform != 'cpu'
    if accelerator:
        most = min(size, PARTS // settings['d_steps'])
        more = (n for n in range(2 * accumulate, most + 1, accumulate) if size % (n * used) == 0)
        ways += [f'--config.accumulate={n}' for n in more][:1]
        nets = [
            net for net in ('generator', 'discriminator') if settings[net].get('remat') is False
        ]
        ways += [' '.join(f'--config.{net}.remat=True' for net in nets)] if nets else []
        if used > 1 and mesh['model'] == 1:
            ways.append(f'--config.mesh.data=1 --config.mesh.model={used}')
    if settings['dtype'] != 'bfloat16':
        ways.append('--config.dtype=bfloat16')
    ways.append('a smaller --config.batch_size')
    if accelerator and used < devices:
        ways.append('more devices (--config.mesh.data=-1)')
    return ways


def _limits() -> list[int]:
    found = []
    for path in LIMITS:
        with contextlib.suppress(OSError, ValueError):  # no such file, or 'max': no limit
            found.append(int(path.read_text()))
    return found


def _held(leaf: jax.ShapeDtypeStruct) -> int:
    """Bytes of an array on one device, or on a CPU, whose devices share one memory, on all."""
    if jax.default_backend() == 'cpu':
        return nbytes(leaf)
    return nbytes(jax.ShapeDtypeStruct(leaf.sharding.shard_shape(leaf.shape), leaf.dtype))


def _sentence(message: str, settings: Mapping[str, Any]) -> str:
    size = _SIZE.search(message)
    wanted = f' ({size[0]} were asked for)' if size else ''
    ways = advice(settings, platform=jax.default_backend(), devices=jax.device_count())
    return (
        f"the devices' memory is not enough for this run{wanted}: add, one after another until it "
        f'fits, {"; ".join(ways)}. A run that has a checkpoint takes but the mesh from that: the '
        'rest is another run, with another --workdir'
    )
