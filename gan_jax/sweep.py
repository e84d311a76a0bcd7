"""The command that runs a grid of experiments: `python -m gan_jax.sweep`."""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command('gan_jax.flags.sweep')

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_jax.experiment import shipped
from gan_jax.flags.sweep import parse
from gan_jax.reports import build
from gan_jax.runtime import cli, distributed, environment, files, output
from gan_jax.runtime.errors import BUSY, DIVERGED, UserError
from gan_jax.runtime.nearest import nearest
from gan_jax.sweeps import figure, grid, record, report, results, table
from gan_jax.sweeps.groups import group, shard
from gan_jax.sweeps.runner import run_all

SHOWN = 3  # runs that failed alike
SweepResults = Mapping[str, results.Result]


def main(arguments: Sequence[str]) -> int:
    """Trains unfinished runs, then writes the tables and the figure of all finished runs."""
    flags = parse(arguments)
    file, folder = shipped.found(str(flags.sweep), shipped.SWEEP), flags.workdir
    sweep = grid.read_sweep(file)
    _refuse_others(folder, sweep.runs)
    (part, parts), (task, tasks) = flags.shard, distributed.task()
    mine = shard(sweep.runs, part * tasks + task, parts * tasks)
    found = _results(folder, sweep)
    todo = [run for run in mine if not found[run.name].final]
    output.say(_opening(folder, sweep, mine, len(todo)))

    outcome = run_all(folder, todo, flags.members, lambda: _write_tables(folder, sweep, file.stem))
    found = _write_tables(folder, sweep, file.stem)
    output.result(workdir=folder, runs={name: _as_json(one) for name, one in found.items()})
    if outcome.stopped:
        output.say('stopped: the same command goes on from here')
        return outcome.stopped
    _draw(folder, sweep, found)
    if todo or not (folder / build.NAME).exists():
        _explain(folder)
    output.say(f'tables in {folder}: table.md, table.csv; in a browser: {build.NAME}')
    # Runs that diverged under an earlier command count as failed, too.
    diverged = [r.name for r in mine if found[r.name].final and found[r.name].status == 'failed']
    earlier = {name: UserError(found[name].reason, DIVERGED) for name in diverged}
    _report({**earlier, **outcome.failed}, len(mine))
    return BUSY if outcome.busy else os.EX_OK


def _refuse_others(folder: Path, runs: Sequence[grid.SweepRun]) -> None:
    """Refuses the workdir of a run, folders with runs of another config, and folders behind links.

    The user must move them away: a sweep overwrites no run, and writes nothing outside --workdir.
    """
    wrong = []
    if (folder / 'config.json').exists():
        wrong.append(
            f'{folder} is the workdir of a run, and a sweep has its runs in folders below its own: '
            'choose another --workdir'
        )
    for run in runs:
        place = folder / run.name
        if place.is_symlink() or place.parent.is_symlink():
            wrong.append(
                f'{place} is reached by a link, and a sweep writes to folders of its own: remove '
                'it, or choose another --workdir'
            )
        if changed := results.changes(folder / run.name, run.settings):
            wrong.append(
                f'{folder}/{run.name} holds a run of another config ({"; ".join(changed)}): '
                'remove it, or choose another --workdir'
            )
    if wrong:
        raise UserError('\n'.join(wrong))


def _results(folder: Path, sweep: grid.Sweep) -> SweepResults:
    return {r.name: results.read_result(folder / r.name, r.settings['steps']) for r in sweep.runs}


def _opening(folder: Path, sweep: grid.Sweep, mine: Sequence[grid.SweepRun], todo: int) -> str:
    part = '' if len(mine) == len(sweep.runs) else f' of {len(sweep.runs)}'
    programs = len({group(run.settings) for run in mine})
    text = f'{len(mine)}{part} runs, programs to compile: {programs}, to do: {todo}'
    known = {folder / run.name for run in sweep.runs}
    others = [p.parent for p in folder.glob('*/seed=*/config.json') if p.parent not in known]
    names = grid.measured(sweep.runs)
    if not any(sweep.metric.startswith(name.partition('@')[0]) for name in names):
        text += (
            f"\n'{sweep.metric}' is no metric of these runs; the figure is left out unless it is a "
            f'part of one: {", ".join(names) or "they measure nothing"}'
        )
    if others:
        text += f'\n{folder} holds {len(others)} runs that this sweep does not, as {min(others)}'
    return text


def _as_json(result: results.Result) -> Mapping[str, Any]:
    return {'status': result.status, 'step': result.step, 'scores': result.values}


def _write_tables(folder: Path, sweep: grid.Sweep, title: str) -> SweepResults:
    found = _results(folder, sweep)
    folder.mkdir(parents=True, exist_ok=True)
    files.replace(folder / 'table.csv', table.as_csv(sweep, found).encode())
    files.replace(folder / 'table.md', table.as_markdown(sweep, found, title).encode())
    record.write(folder, sweep, title)
    return found


def _draw(folder: Path, sweep: grid.Sweep, found: SweepResults) -> None:
    if not any(sweep.metric in result.values for result in found.values()):
        names = {name for result in found.values() for name in result.values}
        output.say(f"no run has the metric '{sweep.metric}'{nearest(sweep.metric, names)}")
        return
    try:
        files.replace(folder / 'figure.png', figure.render(sweep, found))
    except ImportError:
        output.say(f'figure.png is left out: matplotlib is missing; {environment.install("plots")}')


def _explain(folder: Path) -> None:
    from gan_jax.reports import training  # not for tables alone: it reads checkpoints

    images = training.finder()
    build.write_or_say(folder, lambda: report.report(folder, images))


def _report(failed: Mapping[str, UserError], count: int) -> None:
    if failed:
        alike: dict[str, list[str]] = {}
        for name, error in failed.items():
            alike.setdefault(str(error), []).append(name)
        text = '\n'.join(f'{_some(names)}: {error}' for error, names in alike.items())
        status = next(iter(failed.values())).status
        raise UserError(f'{len(failed)} of {count} runs failed\n{text}', status)


def _some(names: Sequence[str]) -> str:
    """The names of runs, a few of them where there are many."""
    more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
    return ', '.join(names[:SHOWN]) + more


if __name__ == '__main__':
    cli.run(main, saves=True)
