"""table.csv, one row per run, and table.md, one row per arm.

The tables contain no times, so equal runs give equal tables.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from gan_jax.sweeps.arms import Arm, grouped, keys, label, only, varied
from gan_jax.sweeps.grid import Sweep
from gan_jax.sweeps.results import Result
from gan_jax.sweeps.statistics import Summary, paired, summary, top

Results = Mapping[str, Result]  # by the run's name

DASH = '-'  # no number


def as_csv(sweep: Sweep, results: Results) -> str:
    """One row per run: keys, seed, status, step, final metrics, and the main metric's best value.

    A cell without a number is empty, so that every CSV reader recognises a column of numbers.
    """
    columns, names = keys(sweep.arms), metrics(sweep, results)
    best = [f'{sweep.metric}_best', f'{sweep.metric}_best_step']
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(['run', *columns, 'seed', 'status', 'step', *names, *best])
    for run in sweep.runs:
        result = results[run.name]
        row = [run.name, *(run.arm.get(key) for key in columns), run.seed, result.status]
        row += [result.step if result.step >= 0 else None]
        row += [result.values.get(name) for name in names]
        writer.writerow([*row, *_best(result, sweep)])
    return text.getvalue()


def as_markdown(sweep: Sweep, results: Results, title: str) -> str:
    """One row per arm over its finished seeds, with the paired difference to the baseline."""
    columns = varied(sweep.arms)
    first, *others = metrics(sweep, results)
    baseline = by_seed(sweep, results, sweep.baseline, first)
    compared = label(only(sweep.baseline, columns)) or 'the first arm'
    head = [*columns, 'runs', first, f'against {compared}', 'pairs', *others]
    rows = []
    for arm in sweep.arms:
        values = by_seed(sweep, results, arm, first)
        cells = [str(arm.get(key, DASH)) for key in columns]
        cells += [finished(sweep, results, arm), plus_minus(summary([*values.values()]))]
        cells += ['baseline', DASH] if arm == sweep.baseline else _difference(values, baseline)
        for name in others:
            found = summary([*by_seed(sweep, results, arm, name).values()])
            cells.append(plus_minus(found))
        rows.append(cells)
    better = 'higher' if sweep.higher else 'lower'
    caption = (
        f'Mean ± standard deviation over training seeds at the last step; {better} `{first}` is '
        "better. Differences are paired by seed, with a 95 % interval of Student's t."
    )
    constant = label(only(sweep.arms[0], [k for k in keys(sweep.arms) if k not in columns]))
    parts = [f'# {title}', caption, f'All runs: `{constant}`.' if constant else '']
    parts += [_table(head, rows), _contrasts(sweep, results, columns)]
    parts += [_top(sweep, results, first), _failures(results)]
    return '\n\n'.join(filter(None, parts)) + '\n'


def metrics(sweep: Sweep, results: Results) -> list[str]:
    """The main metric, then all other metrics of the runs, in the runs' order."""
    found = (name for run in sweep.runs for name in results[run.name].values)
    return list(dict.fromkeys([sweep.metric, *found]))


def varying(sweep: Sweep, results: Results) -> list[str]:
    """The `metrics` that differ between runs: a floor, equal in all of them, has no differences."""
    return [
        name
        for name in metrics(sweep, results)
        if len({result.values.get(name) for result in results.values()} - {None}) > 1
    ]


def values_of(sweep: Sweep, results: Results, arm: Arm) -> list[float]:
    """The main metric of every finished run of an arm."""
    return [*by_seed(sweep, results, arm, sweep.metric).values()]


def number(value: float, spread: float = math.nan) -> str:
    """A number as text: with two digits of its spread, or four digits without a spread.

    A dash if it is not finite.
    """
    if not math.isfinite(value):
        return DASH
    if math.isfinite(spread) and spread > 0:
        return f'{value:.{min(max(1 - math.floor(math.log10(spread)), 0), 6)}f}'
    return f'{value:.0f}' if abs(value) >= 1000 else f'{value:.4g}'


def plus_minus(found: Summary | None) -> str:
    """'12.34 ± 0.41', with dashes for missing numbers."""
    if found is None:
        return DASH
    return f'{number(found.mean, found.sd)} ± {number(found.sd, found.sd)}'


def by_seed(sweep: Sweep, results: Results, arm: Arm, metric: str) -> dict[int, float]:
    """A metric of an arm's finished runs, by their seeds."""
    values = {r.seed: results[r.name].values.get(metric) for r in sweep.runs if r.arm == arm}
    return {seed: value for seed, value in values.items() if value is not None}


def _best(result: Result, sweep: Sweep) -> tuple[Any, Any]:
    """(value, step) of the best evaluation of a finished run."""
    found = [(v[sweep.metric], step) for step, v in result.evaluations if sweep.metric in v]
    found = [(value, step) for value, step in found if value is not None]
    if not (result.values and found):
        return None, None
    return min(found, key=lambda pair: -pair[0] if sweep.higher else pair[0])


def finished(sweep: Sweep, results: Results, arm: Arm) -> str:
    """The number of an arm's runs that are done, in words."""
    statuses = [results[run.name].status for run in sweep.runs if run.arm == arm]
    done, failed = statuses.count('done'), statuses.count('failed')
    text = str(done) if done == len(statuses) else f'{done} of {len(statuses)}'
    return text + (f', {failed} failed' if failed else '')


def _difference(values: Mapping[int, float], baseline: Mapping[int, float]) -> list[str]:
    found = paired(values, baseline)
    if found is None:
        return [DASH, '0']
    half = (found.high - found.low) / 2
    mean, low, high = (number(value, half) for value in found[:3])
    return [f'{mean} [{low}, {high}]', str(found.count)]


def _contrasts(sweep: Sweep, results: Results, columns: Sequence[str]) -> str:
    names, rows = varying(sweep, results), []
    for pair in sweep.contrasts:
        both = {n: [by_seed(sweep, results, arm, n) for arm in pair] for n in names}
        differences = [_difference(*both[n])[0] for n in names]
        rows.append([*(label(only(arm, columns)) for arm in pair), *differences])
    if not rows:
        return ''
    caption = 'Paired differences between arms, with a 95 % interval for each by itself:'
    return f'{caption}\n\n{_table(["arm", "against", *names], rows)}'


def _top(sweep: Sweep, results: Results, metric: str) -> str:
    pooled = {
        name: [value for arm in arms for value in values_of(sweep, results, arm)]
        for name, arms in grouped(sweep.arms, sweep.x).items()
    }
    best = {name: top(values, higher=sweep.higher) for name, values in pooled.items()}
    rows = [
        [name or 'all', str(len(pooled[name])), str(found.count), plus_minus(found)]
        for name, found in best.items()
        if found is not None
    ]
    if not rows:
        return ''
    over = f'all values of {sweep.x} and all seeds' if sweep.x else 'all seeds'
    caption = f'The top 15 % of runs, pooled over {over}:'
    return f'{caption}\n\n{_table(["group", "runs", "of these", metric], rows)}'


def _failures(results: Results) -> str:
    lines = [f'- `{n}`: {r.reason}' for n, r in results.items() if r.status == 'failed']
    return '\n'.join(['Failed:', '', *lines]) if lines else ''


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return '\n'.join([_line(head), f'|{"---|" * len(head)}', *map(_line, rows)])


def _line(cells: Sequence[str]) -> str:
    safe = (cell.replace('|', r'\|') for cell in cells)  # a '|' in a policy must not end the cell
    return f'| {" | ".join(safe)} |'
