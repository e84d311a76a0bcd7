"""What to do when the devices' memory is not enough for a run."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jax

from gan_jax.errors import DIVERGED, UserError

# How XLA says how much it wanted: '17179869184 bytes', '16.00GiB', '20.2G'.
_SIZE = re.compile(r'\b\d[\d.]* ?(?:bytes|[KMGT](?:i?B)?)\b')


@contextlib.contextmanager
def advising(settings: Mapping[str, Any]) -> Iterator[None]:
    """Turns an error for want of device memory into a `UserError` that says what to change.

    It may come late: a program's error is raised where its result is first read.

    Args:
        settings: the resolved config of the run that is trained inside.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        said = str(error)
        if 'RESOURCE_EXHAUSTED' not in said and 'out of memory' not in said.lower():
            raise
        raise UserError(_sentence(said, settings), DIVERGED) from error


def advice(settings: Mapping[str, Any], *, platform: str, devices: int) -> list[str]:
    """What makes a run need less memory and is not done yet; what changes least comes first.

    Args:
        settings: its resolved config.
        platform: 'cpu', 'gpu' or 'tpu'. A CPU saves nothing by parts or by computing again, and all
            of its devices have one memory.
        devices: that this machine has.
    """
    size, parts, mesh = settings['batch_size'], settings['accumulate'], settings['mesh']
    used = devices if mesh['data'] == -1 else mesh['data'] * mesh['model']
    ways, accelerator = [], platform != 'cpu'
    if accelerator:
        more = (n for n in range(2 * parts, size + 1, parts) if size % (n * used) == 0)
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


def _sentence(said: str, settings: Mapping[str, Any]) -> str:
    size = _SIZE.search(said)
    wanted = f' ({size[0]} were asked for)' if size else ''
    ways = advice(settings, platform=jax.default_backend(), devices=jax.device_count())
    return (
        f"the devices' memory is not enough for this run{wanted}: add, one after another until it "
        f'fits, {"; ".join(ways)}'
    )
