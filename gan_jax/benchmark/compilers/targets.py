"""Devices to compile for that need not be here: TPUs by libtpu, cards by JAX's CUDA plugin.

Neither compiler needs the hardware. libtpu knows every TPU by name. XLA's compiler for NVIDIA cards
reads the numbers of a card, the block `compiler` of a table of devices.
"""

import importlib.util
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
from jax.experimental import topologies

from gan_jax.benchmark.planning.devices import Device, read_device
from gan_jax.experiment import shipped
from gan_jax.runtime import environment
from gan_jax.runtime.errors import MISSING, UserError, first_line

TABLE = shipped.folder() / 'devices.toml'

_TARGET = re.compile(r'([\w-]+?)(?::(\d+(?:x\d+)*))?')
# A table's keys below `compiler`, in XLA's GpuTargetConfigProto: gpu_device_info, and beside it.
_BESIDE = ('platform_name', 'dnn_version_info', 'device_description_str')


class Target(NamedTuple):
    """Devices that a program can be compiled for.

    Attributes:
        name: as it was asked for, 'v5e:2x2'.
        devices: of the topology.
        peak: its entry in the table of devices.
    """

    name: str
    devices: Sequence[Any]
    peak: Device


def read_targets(text: str, table: Path = TABLE) -> list[Target]:
    """The targets of a list such as 'v5e:2x2,H100': a device, and the shape of its topology.

    A TPU has the shape of a slice, 'v5e:2x2'; a card a number, 'H100:2' for two in one host.

    Args:
        text: names of the table, with shapes.
        table: a TOML file like configs/devices.toml.

    Raises:
        UserError: no such device, a shape that it cannot have, or a compiler that is not installed.
    """
    asked = [(name, *_parsed(name)) for name in text.split(',')]
    peaks = read_device(f'{table}:{",".join(dict.fromkeys(device for _, device, _ in asked))}')
    by_name = {peak.name: peak for peak in peaks}
    jax.devices()  # finds the plugins
    return [
        Target(name, _topology(name, by_name[device], shape), by_name[device])
        for name, device, shape in asked
    ]


def _parsed(text: str) -> tuple[str, str]:
    found = _TARGET.fullmatch(text)
    if not found:
        raise UserError(
            f"--compile_for names '{text}': write a device and its shape, such as v5e:2x2 or H100:2"
        )
    return found[1], found[2] or ''


def _topology(name: str, device: Device, shape: str) -> Sequence[Any]:
    if device.compiler:
        return _cards(name, device.compiler, shape)
    return _tpus(name, shape)


def _tpus(name: str, shape: str) -> Sequence[Any]:
    if importlib.util.find_spec('libtpu') is None:
        raise UserError(
            f'--compile_for={name} needs the compiler for TPUs: '
            f'{environment.install("tpu_compiler")}',
            MISSING,
        )
    if not shape:
        raise UserError(
            f'--compile_for={name} has no shape: write the shape of a slice, {name}:2x2'
        )
    # Without these libtpu asks the network which machine it runs on.
    os.environ.setdefault('TPU_SKIP_MDS_QUERY', '1')
    os.environ.setdefault('TPU_ACCELERATOR_TYPE', 'v5e-4')
    os.environ.setdefault('TPU_WORKER_HOSTNAMES', 'localhost')
    os.environ.setdefault('ALLOW_MULTIPLE_LIBTPU_LOAD', '1')  # it takes no device
    return _described(name, platform='tpu', topology_name=name)


def _cards(name: str, numbers: Mapping[str, Any], shape: str) -> Sequence[Any]:
    if importlib.util.find_spec('jax_plugins') is None:
        raise UserError(
            f'--compile_for={name} needs the compiler for NVIDIA cards: '
            f'{environment.install("cuda_compiler")}',
            MISSING,
        )
    if 'x' in shape:
        raise UserError(
            f'--compile_for={name} has the shape of a slice: cards have a number, H100:2'
        )
    return _described(
        name,
        platform='cuda',
        topology_name='',
        target_config=_text_proto(numbers),
        topology=f'1x1x{shape or 1}',  # partitions, hosts of each, cards of each
    )


def _described(name: str, **options: str) -> Sequence[Any]:
    try:
        return topologies.get_topology_desc(**options).devices
    except Exception as error:  # each compiler has its own
        raise UserError(f'--compile_for={name} is refused: {first_line(error)}') from error


def _text_proto(numbers: Mapping[str, Any]) -> str:
    info = {key: value for key, value in numbers.items() if key not in _BESIDE}
    beside = {key: value for key, value in numbers.items() if key in _BESIDE}
    return '\n'.join(_fields({'gpu_device_info': info, **beside}))


def _fields(numbers: Mapping[str, Any]) -> list[str]:
    lines = []
    for key, value in numbers.items():
        if isinstance(value, Mapping):
            lines += [f'{key} {{', *_fields(value), '}']
        else:
            lines.append(f'{key}: "{value}"' if isinstance(value, str) else f'{key}: {value}')
    return lines
