"""Runs a grid of experiments: python -m gan_jax.sweep --sweep=FILE --workdir=DIR

The same command again skips finished runs and resumes the others. DIR gets a workdir for each run,
table.csv, table.md, figure.png and report.html. A run that has diverged stays failed, and is not
tried again unless its folder is removed.

Runs never wait for each other. --shard=i/n takes a part of them, for jobs of an array or for
several machines. Tasks that srun or mpirun starts divide the runs among themselves.

--members=N trains up to N runs that differ in numbers only (seeds, strengths, weights, learning
rates) as one program. This should pay on several devices, with a member on each, and on one
accelerator that a single run leaves idle; it has not been measured on an accelerator. It does not
pay on a CPU, where members take as long as one after another, and longer to compile. The tables are
equal up to rounding, and a sweep may continue with another N. Every N is compiled separately, so
choose one that divides the runs of a program.
"""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command()

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from gan_jax.reports import build
from gan_jax.runtime import cli, distributed, files
from gan_jax.runtime.errors import BUSY, DIVERGED, UserError
from gan_jax.runtime.nearest import nearest
from gan_jax.runtime.ranges import COUNT, quoted
from gan_jax.sweeps import figure, grid, record, report, results, table
from gan_jax.sweeps.groups import group, shard
from gan_jax.sweeps.runner import run_all

SweepResults = Mapping[str, results.Result]


def main(arguments: Sequence[str]) -> int:
    """Trains unfinished runs, then writes the tables and the figure of all finished runs."""
    flags = _parse(arguments)
    sweep, folder = grid.read_sweep(flags.sweep), flags.workdir
    _refuse_others(folder, sweep.runs)
    (part, parts), (task, tasks) = flags.shard, distributed.task()
    mine = shard(sweep.runs, part * tasks + task, parts * tasks)
    found = _results(folder, sweep)
    todo = [run for run in mine if not found[run.name].final]
    print(_opening(folder, sweep, mine, len(todo)), flush=True)

    outcome = run_all(
        folder, todo, flags.members, lambda: _write_tables(folder, sweep, flags.sweep.stem)
    )
    found = _write_tables(folder, sweep, flags.sweep.stem)
    if outcome.stopped:
        print('stopped: the same command goes on from here', flush=True)
        return outcome.stopped
    _draw(folder, sweep, found)
    if todo or not (folder / build.NAME).exists():
        _explain(folder)
    print(f'tables in {folder}: table.md, table.csv; in a browser: {build.NAME}', flush=True)
    # Runs that diverged under an earlier command count as failed, too.
    diverged = [r.name for r in mine if found[r.name].final and found[r.name].status == 'failed']
    earlier = {name: UserError(found[name].reason, DIVERGED) for name in diverged}
    _report({**earlier, **outcome.failed}, len(mine))
    return BUSY if outcome.busy else os.EX_OK


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser('gan_jax.sweep', __doc__)
    parser.add_argument(
        '--sweep', required=True, metavar='FILE', type=cli.path, help='Python with a get_sweep()'
    )
    parser.add_argument(
        '--workdir', required=True, metavar='DIR', type=cli.path, help='of the runs and the tables'
    )
    parser.add_argument(
        '--shard',
        default=(0, 1),
        metavar='i/n',
        type=_shard,
        help='part i of n of the runs, for a job array; counts from 0',
    )
    parser.add_argument(
        '--members',
        default=1,
        metavar='N',
        type=cli.within(COUNT),
        help='runs that are trained together, as one program on an accelerator (default: 1)',
    )
    return parser.parse_args(arguments)


def _shard(text: str) -> tuple[int, int]:
    index, _, count = text.partition('/')
    if not (index.isdigit() and count.isdigit() and int(index) < int(count)):
        raise argparse.ArgumentTypeError(f'is {quoted(text)}: give i/n with i from 0 to n-1')
    return int(index), int(count)


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
    if others:
        text += f'\n{folder} holds {len(others)} runs that this sweep does not, as {min(others)}'
    return text


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
        print(f"no run has the metric '{sweep.metric}'{nearest(sweep.metric, names)}")
        return
    try:
        files.replace(folder / 'figure.png', figure.render(sweep, found))
    except ImportError:
        print("figure.png is left out: matplotlib is missing; pip install 'gan_jax[plots]'")


def _explain(folder: Path) -> None:
    from gan_jax.reports import training  # not for tables alone: it reads checkpoints

    images = training.finder()
    build.write_or_say(folder, lambda: report.report(folder, images))


def _report(failed: Mapping[str, UserError], count: int) -> None:
    if failed:
        text = '\n'.join(f'{name}: {error}' for name, error in failed.items())
        status = next(iter(failed.values())).status
        raise UserError(f'{len(failed)} of {count} runs failed\n{text}', status)


if __name__ == '__main__':
    cli.run(main, saves=True)
