"""The measurements as text, on one screen."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

COLUMNS = 3  # of augmentations


def table(result: Mapping[str, Any]) -> str:
    """A result, as `__main__` writes it, as text."""
    return '\n'.join(line.rstrip() for line in _lines(result))


def _lines(result: Mapping[str, Any]) -> Iterator[str]:
    of, settings = result['measured'], result['settings']
    shape = 'x'.join(map(str, result['images']['shape']))
    yield (
        f'{result["config"]}: {shape} {result["images"]["source"]}, '
        f'batch {settings["batch_size"]}, {settings["d_steps"]} D + 1 G, {settings["dtype"]}'
    )
    versions = result['versions']
    yield (
        f'{versions["device"]}, {result["devices"]} used; jax {versions["jax"]}; load '
        f'{result["load"]:.1f}; median (least to greatest) of {result["repeats"]} turns'
    )
    yield ''
    yield from aligned(_step(of))
    if of['left_out']:
        yield ''
        yield from aligned(_left_out(of['left_out']))
    if not of['augmentations']['ops']:
        return
    yield ''
    yield 'augmentations: share of a step with the adversarial loss alone; each compiled by itself'
    yield from _shares(of['augmentations']['ops'])
    yield from (
        f"policy '{name}': {_percent(cost['share'])}"
        for name, cost in of['augmentations']['policies'].items()
    )


def _step(of: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    step, loop, roofline, work = (of[name] for name in ('step', 'loop', 'roofline', 'work'))
    yield 'compiled step', _seconds(step['seconds']), _rate(step)
    gap = f'host gap {_percent(loop["host_gap"])}'
    yield "train's loop", _seconds(loop['seconds']), f'{_rate(loop)}, {gap}'
    for name, other in of['against'].items():
        if isinstance(other, str):
            yield f'torch, {name}', other
        else:
            ratio = f"train's loop takes {_range(other['loop_over_this'])} of it"
            yield f'torch, {name}', _seconds(other['seconds']), f'{_rate(other)}, {ratio}'
    counted, xla = work['counted'], work['xla_per_device']
    yield (
        'work',
        f'{si(counted["needed"])}FLOP, {si(counted["flops"])}FLOP with padding',
        f'XLA on each device: {si(xla.get("flops"))}FLOP',
    )
    yield (
        'traffic',
        f'{si(counted["bytes"])}B of products and state',
        f'XLA on each device: {si(xla.get("bytes"))}B',
    )
    yield (
        'speed',
        f'{si(roofline["achieved"]["median"])}FLOP/s, {_percent(roofline["share"])}',
        f'of {si(roofline["flops_per_second"]["median"])}FLOP/s, a {roofline["size"]}-row matmul',
    )
    yield 'floor', _seconds(roofline['floor_seconds']), 'a step at the speed of that matmul'
    plan, peak = of['memory']['planned_per_device'], of['memory']['peak_in_use']
    arguments = f'{si(plan["arguments"])}B of it state and data' if plan else ''
    in_use = f'; at most {si(peak)}B in use' if peak else ''
    yield 'memory', f'{si(plan and plan["total"])}B planned', arguments + in_use
    sent = of['communication']
    if sent['collectives']:
        gradients = f'{si(sent["gradients"])}B of gradients among it'
        yield 'communication', _kinds(sent['collectives']), gradients
    made = of['compile']
    yield 'compilation', f'{made["lower"]:.1f} s + {made["compile"]:.1f} s', "tracing and XLA's"


def _kinds(collectives: Sequence[Mapping[str, Any]]) -> str:
    found: dict[str, list[int]] = {}
    for one in collectives:
        found.setdefault(one['kind'], []).append(one['bytes'])
    return ', '.join(f'{si(sum(sizes))}B in {len(sizes)} {kind}' for kind, sizes in found.items())


def _left_out(costs: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    yield 'with it / without it', 'time', 'FLOPs', 'time / FLOPs'
    for name, cost in costs.items():
        yield name, _range(cost['time']), f'{cost["flops"]:.2f}', _range(cost['time_over_flops'])


def _shares(ops: Mapping[str, Any]) -> Iterator[str]:
    cells = [f'{name:22s} {_one(cost["share"]["median"]):>7s}' for name, cost in ops.items()]
    rows = -(-len(cells) // COLUMNS)
    for row in range(rows):
        yield '    '.join(cells[row::rows])


def aligned(cells: Iterable[Sequence[str]]) -> Iterator[str]:
    """Cells in aligned columns."""
    rows = list(cells)
    widths: list[int] = []
    for i in range(max(map(len, rows))):
        # A sentence in the last cell of a row may run on.
        widths.append(max((len(row[i]) for row in rows if i < len(row) - 1), default=0))
    for row in rows:
        yield '  '.join(f'{cell:{width}}' for cell, width in zip(row, widths, strict=False))


def _seconds(seconds: Mapping[str, float]) -> str:
    scale, unit = (1, 's') if seconds['median'] >= 1 else (1e3, 'ms')
    return f'{_range({k: scale * v for k, v in seconds.items()}, "#.3g")} {unit}'


def _range(values: Mapping[str, float], form: str = '.2f') -> str:
    middle, low, high = (format(values[k], form) for k in ('median', 'min', 'max'))
    return f'{middle} ({low} to {high})'


def _percent(values: Mapping[str, float]) -> str:
    middle, low, high = (f'{100 * values[k]:.1f}' for k in ('median', 'min', 'max'))
    return f'{middle} % ({low} to {high})'


def _one(share: float) -> str:
    return f'{100 * share:.1f} %'


def _rate(timed: Mapping[str, Any]) -> str:
    rate = timed['images_per_second']
    return f'{rate:,.0f} images/s' if rate >= 100 else f'{rate:.3g} images/s'


def si(value: float | None) -> str:
    """A number with its decimal prefix, to be followed by a unit; '? ' for None."""
    if value is None:
        return '? '
    for prefix in ('', 'k', 'M', 'G', 'T'):
        if abs(value) < 1000:
            return f'{value:.4g} {prefix}'
        value /= 1000
    return f'{value:.4g} P'
