"""The forecast of a config as text: --plan."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from gan_jax.benchmark.planning import devices
from gan_jax.benchmark.planning.forecast import Forecast, Need, counts, forecast, need
from gan_jax.benchmark.planning.programs import CompiledStep
from gan_jax.benchmark.table import aligned, si
from gan_jax.benchmark.workload import Settings, images_of, make_workload
from gan_jax.data.dataset import DataSet, as_seen, labels_of, on_disk
from gan_jax.experiment.images import outline_images
from gan_jax.experiment.memory import advice
from gan_jax.runtime.errors import MISSING, UserError

ASSUMED = 0.3
COLUMNS = (
    'devices',
    'memory of each',
    'fits',
    'a step',
    'limit',
    'steps/s',
    'efficiency',
    'device-hours',
)
BY_COMPILER = 'by compiler'  # a column where there are compiled programs


class Share(NamedTuple):
    """The share of a device's peak that products reach, and its source as text."""

    value: float
    source: str


def plan_report(
    config: str,
    settings: Settings,
    table: str,
    share: Share,
    compiled: Sequence[CompiledStep] = (),
) -> str:
    """The forecast of a run on the devices of a table; nothing is compiled or measured.

    Args:
        config: the name of the config, as it was given.
        settings: the resolved config.
        table: as `devices.read_device` takes it.
        share: from `share_of`.
        compiled: from `programs.read_compiled`; of two for the same devices the last counts.

    Raises:
        UserError: as `devices.read_device`, `load_images`, `setup.build_trainer` and `need`.
    """
    found = devices.read_device(table)
    dataset, real = images_of(settings)
    # Traced for a single device: the devices of the table are not here.
    alone = {**settings, 'mesh': {'data': 1, 'model': 1}}
    resident, model = _resident(settings, dataset, real), settings['mesh']['model']
    needed = need(make_workload(alone, dataset), resident, model)
    lines = _lines(config, settings, needed, found, share, compiled)
    return '\n'.join(line.rstrip() for line in lines)


def share_of(text: str | None) -> Share:
    """The share that --share names: a number, or the file that a benchmark wrote.

    Raises:
        UserError: it is neither.
    """
    if text is None:
        return Share(ASSUMED, 'an assumption: measure it on one device and give --share=FILE.json')
    try:
        value = float(text)
    except ValueError:
        return _measured(text)
    if not 0 < value <= 1:
        raise UserError(f'--share is {text}: give a number above 0, at most 1')
    return Share(value, 'given by --share')


def _measured(path: str) -> Share:
    try:
        result = json.loads(Path(path).read_text(encoding='utf-8'))
        value = float(result['measured']['roofline']['share']['median'])
        where = f'{result["config"]} in {result["settings"]["dtype"]}'
        return Share(value, f'measured with {where} on {result["versions"]["device"]}')
    except OSError as error:
        raise UserError(f'cannot read --share={path}: {error.strerror}', MISSING) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f'--share={path} is neither a number nor what python -m gan_jax.benchmark --out=FILE '
            'writes'
        ) from error


def _resident(settings: Settings, dataset: DataSet, real: bool) -> int:
    """Bytes of the data set that stay on every device."""
    dataset = as_seen(dataset if real else outline_images(settings['data']))
    if on_disk(dataset):
        return 0
    size = dataset.images.nbytes + labels_of(dataset).nbytes
    return round(settings['data']['fraction'] * size)


def _lines(
    config: str,
    settings: Settings,
    needed: Need,
    found: list[devices.Device],
    share: Share,
    compiled: Sequence[CompiledStep],
) -> Iterator[str]:
    dtype, steps = settings['dtype'], settings['steps']
    yield (
        f'{config}: batch {settings["batch_size"]}, {settings["d_steps"]} D + 1 G, {dtype}, '
        f'{steps:,} steps, every term in each'
    )
    yield (
        f'a step: {si(needed.flops.on(1))}FLOP, {si(needed.bytes(1, 1))}B of products and state, '
        f'{si(needed.gradients)}B of gradients'
    )
    yield from _parts(needed)
    yield f'{share.value:.2g} of the peak: {share.source}'
    fits, used = set(), []
    for device in found:
        programs = {step.devices: step for step in compiled if step.device == device.name}
        options = {'reached': share.value, 'dtype': dtype, 'steps': steps, 'compiled': programs}
        rows = [forecast(needed, device, n, **options) for n in counts(settings, needed.model)]
        fits |= {row.fits for row in rows}
        used += [programs[row.devices] for row in rows if row.devices in programs]
        yield ''
        yield (
            f'{device.name}: {si(device.memory)}B, {si(getattr(device, dtype))}FLOP/s, '
            f'{si(device.bandwidth)}B/s; links {si(device.link)}B/s among {device.node}, '
            f'{si(device.network)}B/s beyond'
        )
        yield from aligned(_table(rows, bool(compiled)))
    yield ''
    yield from _programs(compiled, used)
    if fits != {'yes'}:
        fewest = {**settings, 'mesh': {'data': 1, 'model': needed.model}}
        ways = advice(fewest, platform='gpu', devices=needed.model)
        yield f'for less memory, one after another: {"; ".join(ways)}'
    yield 'without the start of kernels, waits for links and for the host: docs/plan.md'


def _parts(needed: Need) -> Iterator[str]:
    if needed.model > 1:
        yield (
            f'the state: {si(needed.state.on(1))}B; {si(needed.state.on(needed.model))}B on each '
            f'of {needed.model} devices, and {si(needed.sharded)}B of weights that are put '
            f'together {needed.updates} times a step'
        )


def _programs(compiled: Sequence[CompiledStep], used: Sequence[CompiledStep]) -> Iterator[str]:
    if not compiled:
        return
    yield 'by compiler: memory at the peak, hence fits; a step on a TPU: cycles / clock + links'
    for step in compiled:
        unused = '' if step in used else ', in no row above'
        yield f'  {step.target}, {step.devices} used{unused}: {step.source}'
        if step.refusal:
            yield f'  does not fit: {step.refusal}'
    yield 'an efficiency compares two steps by formulas, unless both have cycles'


def _table(rows: Sequence[Forecast], compiled: bool) -> Iterator[tuple[str, ...]]:
    yield (*COLUMNS, BY_COMPILER) if compiled else COLUMNS
    for row in rows:
        yield (*_row(row), _by_compiler(row)) if compiled else _row(row)


def _by_compiler(row: Forecast) -> str:
    if {'memory', 'efficiency'} <= {*row.compiled}:
        return 'all'
    return ', '.join(row.compiled) or 'nothing'


def _row(row: Forecast) -> tuple[str, ...]:
    rate = 1 / row.seconds
    memory, *ends = (f'{value / 1e9:.3g}' for value in row.memory)
    return (
        f'{row.devices}',
        f'{memory} GB' + (f' ({" to ".join(ends)})' if ends else ''),
        row.fits,
        f'{row.seconds:.3g} s' if row.seconds >= 1 else f'{1e3 * row.seconds:.3g} ms',
        row.limit,
        f'{rate:,.0f}' if rate >= 100 else f'{rate:.3g}',
        f'{100 * row.efficiency:.0f} %',
        f'{row.device_hours:.3g}',
    )
