"""The numbers of a compiled step as text, on one screen."""

from collections.abc import Iterator, Mapping
from typing import Any

from gan_jax.benchmark.table import aligned, si

SHOWN = 8  # of a list of operations
SOURCE = 72  # letters of a module path, from its end


def table(config: str, result: Mapping[str, Any]) -> str:
    """A result of `compile.compile_for` as text."""
    return '\n'.join(line.rstrip() for line in _lines(config, result))


def _lines(config: str, of: Mapping[str, Any]) -> Iterator[str]:
    steps = f'{of["steps"]} steps in one dispatch' if of['steps'] > 1 else 'one step'
    yield f'{config} for {of["target"]}, {of["devices"]} used: {steps}, compiled and not run'
    if not of['fits']:
        yield f'does not fit: {of["why"]}'
        return
    yield from aligned(_rows(of))
    if of['large_moves']:
        yield f'copies and transposes above 1 MB: {len(of["large_moves"])}'
        yield from aligned(_operations(of['large_moves']))
    yield 'most expensive' if of['cycles'] else 'largest results'
    yield from aligned(_operations(of['dearest'], of['cycles']))


def _rows(of: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    if memory := of['memory']:
        parts = ', '.join(f'{si(memory[key])}B {key}' for key in ('state', 'data', 'activations'))
        yield 'memory', f'{si(memory["peak"])}B at the peak', f'of it {parts}'
    work = of['work']
    yield (
        'work',
        f'{si(work["counted"])}FLOP on all devices',
        f'XLA on each: {si(work["xla_per_device"])}FLOP',
    )
    if of['cycles']:
        yield 'cycles', f'{of["cycles"]:,} estimated', _speed(of)
    total = sum(of['launches'].values())
    kinds = ', '.join(f'{count} {kind}' for kind, count in of['launches'].items())
    yield 'launches', f'{total}', kinds
    for kind, sent in of['collectives'].items():
        yield kind, f'{sent["operations"]}', f'{si(sent["bytes"])}B'
    yield 'padding', f'{of["padding"]:.2f}', 'bytes of tiles over bytes of numbers, of all results'
    for what in ('float64', 'host_calls'):
        if of[what]:
            yield what, f'{len(of[what])}', ', '.join(of[what][:SHOWN])
    made = of['compile']
    yield 'compilation', f'{made["lower"]:.1f} s + {made["compile"]:.1f} s', "tracing and XLA's"


def _speed(of: Mapping[str, Any]) -> str:
    if 'seconds' not in of:
        return ''
    return f'{1e3 * of["seconds"]:.3g} ms a step, {100 * of["share"]:.0f} % of the peak in bfloat16'


def _operations(found: list[Mapping[str, Any]], cycles: int | None = None) -> Iterator[tuple]:
    for one in found[:SHOWN]:
        share = f'{100 * one["cycles"] / cycles:.1f} %' if cycles and one['cycles'] else ''
        yield (
            share,
            f'{si(one["bytes"])}B',
            f'{one["times"]} x' if one['times'] > 1 else '',
            one['kind'],
            ' '.join(one['arrays'])[:40],
            one['source'][-SOURCE:],
        )
