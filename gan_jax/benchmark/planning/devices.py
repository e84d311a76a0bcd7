"""Tables of devices: TOML files such as configs/devices.toml."""

import math
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from gan_jax.runtime.errors import MISSING, UserError
from gan_jax.runtime.nearest import nearest


class Device(NamedTuple):
    """The peak rates and sizes of one device.

    Attributes:
        name: its heading in the table.
        memory: bytes.
        float32: FLOP/s of products of float32, as JAX runs them by default.
        bfloat16: FLOP/s of products of bfloat16.
        bandwidth: bytes/s of its memory.
        node: the number of devices that `link` joins.
        link: bytes/s to the others of its node, one way.
        network: bytes/s to other nodes, one way.
        clock: Hz of the units that multiply, in which a TPU's compiler counts; 0 if not given.
        compiler: the numbers of an NVIDIA card that XLA's compiler asks for, see
            `compilers.targets`; empty if not given.
    """

    name: str
    memory: float
    float32: float
    bfloat16: float
    bandwidth: float
    node: int
    link: float
    network: float
    clock: float = 0
    compiler: Mapping[str, Any] = MappingProxyType({})


# The meaning of each key, for the error about a missing one.
KEYS = {
    'memory': 'bytes of one device',
    'float32': 'FLOP/s of products of float32',
    'bfloat16': 'FLOP/s of products of bfloat16',
    'bandwidth': 'bytes/s of its memory',
    'node': 'the number of devices that its link joins',
    'link': 'bytes/s to the others of its node, one way',
    'network': 'bytes/s to other nodes, one way',
}
# Keys that a device may do without: of --compile_for.
COMPILED = {
    'clock': "Hz of the units that multiply, in which a TPU's compiler counts",
    'compiler': "the table of numbers of a card that XLA's compiler asks for",
}


def read_device(text: str) -> list[Device]:
    """The devices of a table, by 'FILE' for all of them or 'FILE:NAME,NAME' for some.

    Raises:
        UserError: there is no such file or device, or all that is wrong with the file, a line each.
    """
    path, _, names = text.partition(':')
    table = _parse(path)
    wrong = [fault for name, entry in table.items() for fault in _faults(path, name, entry)]
    wanted = names.split(',') if names else list(table)
    wrong += [
        f"{path} has no device '{name}'{nearest(name, table)}"
        for name in wanted
        if name not in table
    ]
    if wrong:
        raise UserError('\n'.join(wrong))
    return [Device(name, **table[name]) for name in wanted]


def _parse(path: str) -> dict[str, Any]:
    try:
        table = tomllib.loads(Path(path).read_text(encoding='utf-8'))
    except OSError as error:
        raise UserError(
            f'cannot read the table of devices {path}: {error.strerror}', MISSING
        ) from error
    except ValueError as error:  # of TOML or of UTF-8
        raise UserError(f'{path} is no TOML file: {error}') from error
    if not table:
        raise UserError(f'{path} has no devices: see configs/devices.toml')
    return table


def _faults(path: str, name: str, entry: Any) -> Iterator[str]:
    if not isinstance(entry, Mapping):
        yield f'{path}: {name} stands above all devices: put it under a heading such as [my-device]'
        return
    for key in entry:
        if key not in KEYS and key not in COMPILED:
            known = [*KEYS, *COMPILED]
            yield f"{path}: {name} has a '{key}', which means nothing{nearest(key, known)}"
    for key, what in KEYS.items():
        if key not in entry:
            yield f"{path}: {name} has no '{key}': give {what}"
        elif not _is_positive(entry[key], int if key == 'node' else (int, float)):
            yield f'{path}: {name} has {key} = {entry[key]!r}: give {what}, above 0'
    if not _is_positive(entry.get('clock', 1), (int, float)):
        yield f'{path}: {name} has clock = {entry["clock"]!r}: give {COMPILED["clock"]}, above 0'
    if not isinstance(entry.get('compiler', {}), Mapping):
        yield f'{path}: {name} has compiler = {entry["compiler"]!r}: give {COMPILED["compiler"]}'


def _is_positive(value: Any, kind: Any) -> bool:
    number = isinstance(value, kind) and not isinstance(value, bool)
    return number and math.isfinite(value) and value > 0
