"""Compiled steps for a plan: the numbers that --compile_for has written."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax.benchmark.workload import Settings
from gan_jax.experiment.config import differences
from gan_jax.runtime.errors import MISSING, UserError
from gan_jax.runtime.ranges import COUNT, POSITIVE, Range

_WRITE = 'python -m gan_jax.benchmark --compile_for=DEVICE --out=FILE'


class CompiledStep(NamedTuple):
    """The compiler's numbers of a config's train step on some devices.

    Attributes:
        target: as --compile_for named it, 'v5e:2x2'.
        device: the name of its device in a table.
        devices: the number of devices that the program uses.
        refusal: the compiler's sentence if the program does not fit, else ''.
        peak: bytes of each device at the peak; None if the compiler gave none.
        cycles: of one step on each device, without collectives; None if the compiler gave none.
        source: the file, the versions and the time of the compilation, as text.
    """

    target: str
    device: str
    devices: int
    refusal: str
    peak: int | None
    cycles: float | None
    source: str


def read_compiled(paths: Iterable[str], settings: Settings) -> list[CompiledStep]:
    """The compiled steps of files that --compile_for --out has written, in their order.

    Args:
        paths: of the files.
        settings: the resolved config of the plan; only `mesh.data` may differ from a file's.

    Raises:
        UserError: a file cannot be read, has no compiled programs, or is of another config.
    """
    return [step for path in paths for step in _of_file(path, settings)]


def _of_file(path: str, settings: Settings) -> list[CompiledStep]:
    result = _parse(path)
    try:
        changed = differences(result['settings'], settings, ('mesh.data',))
        steps = [_step(entry, _source(path, result)) for entry in result['compiled']]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f'--compiled={path} is not what {_WRITE} writes') from error
    if changed:
        raise UserError(
            f'--compiled={path} is of another config, {changed[0]} here: compile this config'
        )
    return steps


def _parse(path: str) -> Mapping[str, Any]:
    try:
        result = json.loads(Path(path).read_text(encoding='utf-8'))
    except OSError as error:
        raise UserError(f'cannot read --compiled={path}: {error.strerror}', MISSING) from error
    except ValueError as error:  # of JSON or of UTF-8
        raise UserError(f'--compiled={path} is no JSON file: {error}') from error
    if not isinstance(result, Mapping) or not result.get('compiled'):
        raise UserError(f'--compiled={path} has no compiled programs: write it with {_WRITE}')
    return result


def _step(entry: Mapping[str, Any], source: str) -> CompiledStep:
    known = entry['target'], entry['device'], _within(COUNT, entry['devices'])
    if not entry['fits']:
        return CompiledStep(*known, str(entry['why']), None, None, source)
    memory, cycles, steps = entry['memory'], entry['cycles'], _within(COUNT, entry['steps'])
    return CompiledStep(
        *known,
        refusal='',
        peak=None if memory is None else _within(POSITIVE, memory['peak']),
        cycles=None if cycles is None else _within(POSITIVE, cycles) / steps,
        source=source,
    )


def _within(expected: Range, value: Any) -> Any:
    if not expected.holds(value):
        raise ValueError
    return value


def _source(path: str, result: Mapping[str, Any]) -> str:
    commit = f', commit {result["commit"]}' if result['commit'] else ''
    return f'{path}, jax {result["versions"]["jax"]}{commit}, {result["time"]}'
