"""Attacks that try the promises of docs/reliability.md: python -m tests.faults, or `make faults`

Each attack is tried from fixed seeds, so that two runs try the same, and prints a row: how often it
was tried, survived and lost. Then the guard that it tries is taken out of a copy of the checkout,
where it must lose. The status is 1 when anything is lost, or an attack does not bite.
"""

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from tests.edited import edited, replaced
from tests.faults import bench, command, configs, damage, disks, hostile, images, kills, runs, stops
from tests.faults.attack import Attack, draws

ATTACKS = {
    attack.name: attack
    for module in (kills, stops, damage, disks, hostile, configs, images)
    for attack in module.ATTACKS
}
SHOWN = 5  # losses of an attack that are printed


class Tally(NamedTuple):
    """The results of the trials of one attack."""

    tried: int = 0
    lost: tuple[str, ...] = ()


def main(arguments: Sequence[str]) -> int:
    flags = _parse(arguments)
    if flags.trials is not None:
        print(json.dumps(_tried(ATTACKS[flags.only[0]], flags)))
        return os.EX_OK
    begun = time.time()
    flags.until = begun + 60 * flags.minutes
    chosen = [ATTACKS[name] for name in flags.only or ATTACKS]
    with tempfile.TemporaryDirectory(prefix='faults-runs-') as folder:
        with bench.opened(Path(folder)) as place:
            runs.prepare(place)
        print('| attack | tried | survived | lost | bites |\n|---|---|---|---|---|', flush=True)
        with ThreadPoolExecutor(flags.workers) as pool:
            tallies = [pool.submit(_in_process, a, Path(folder), flags) for a in chosen]
            bites = [pool.submit(_bites, a, Path(folder)) if flags.bites else None for a in chosen]
            rows = [_row(*row) for row in zip(chosen, tallies, bites, strict=True)]
    sound = sum(rows)
    print(f'{sound} of {len(rows)} attacks without a loss, in {time.time() - begun:.0f} s')
    return os.EX_OK if sound == len(rows) else 1


def _row(attack: Attack, tally, bites) -> bool:
    """Prints a row as soon as it is known; whether it is as it should be."""
    tried, lost = tally.result()
    bitten = bites.result() if bites else '-'
    print(f'| {attack.name} | {tried} | {tried - len(lost)} | {len(lost)} | {bitten} |', flush=True)
    for loss in lost[:SHOWN]:
        print(f'lost: {attack.name}, {loss}', file=sys.stderr, flush=True)
    return not lost and bitten in ('yes', '-')


def _bites(attack: Attack, folder: Path) -> str:
    """'yes' when the attack loses without its guard."""
    if not attack.needs():
        return '-'
    with edited(replaced(*attack.guard)) as copy:
        found = _worker(attack, folder, attack.count, '--until_lost', cwd=copy)
    return 'yes' if found.lost else 'no'


def _in_process(attack: Attack, folder: Path, flags: argparse.Namespace) -> Tally:
    if not attack.needs():
        return Tally()
    count = max(1, math.ceil(attack.count * flags.n))
    return _worker(attack, folder, count, f'--until={flags.until}')


def _worker(
    attack: Attack, folder: Path, count: int, *more: str, cwd: Path = command.ROOT
) -> Tally:
    """The first trials of an attack, in a process of their own."""
    flags = [f'--only={attack.name}', f'--trials={count}', f'--runs={folder}', *more]
    process = command.start([sys.executable, '-m', 'tests.faults', *flags], cwd=cwd)
    done = command.ended(process, longest=3600)
    if done.status != os.EX_OK:
        raise RuntimeError(f'{attack.name}: the harness has failed: {done.err[-3000:]}')
    tried, lost = json.loads(done.out.splitlines()[-1])
    return Tally(tried, tuple(lost))


def _tried(attack: Attack, flags: argparse.Namespace) -> Tally:
    """The trials themselves; none begins too late, but the first."""
    lost: list[str] = []
    with bench.opened(flags.runs) as place:
        for index in range(flags.trials):
            if index and (time.time() > flags.until or (lost and flags.until_lost)):
                return Tally(index, tuple(lost))
            if said := _trial(attack, place, index):
                lost.append(f'trial {index}: {said}')
    return Tally(flags.trials, tuple(lost))


def _trial(attack: Attack, place: bench.Bench, index: int) -> str:
    """The loss of a trial, or ''; a result that cannot be read is a loss."""
    bench.cleared(place)
    try:
        return attack.trial(place, draws(attack.name, index), index)
    except Exception as error:
        return f'{type(error).__name__}: {error}'


def _parse(arguments: Sequence[str]) -> Any:
    parser = argparse.ArgumentParser(
        'python -m tests.faults',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--n', type=float, default=1.0, help='times as many trials')
    parser.add_argument('--only', action='append', default=[], choices=[*ATTACKS])
    parser.add_argument('--no_bites', dest='bites', action='store_false', help='with guards only')
    parser.add_argument('--minutes', type=float, default=math.inf, help='begin no trial later')
    parser.add_argument('--workers', type=int, default=os.cpu_count(), help='attacks at a time')
    # Of a worker, which this command starts for each attack.
    parser.add_argument('--trials', type=int, help=argparse.SUPPRESS)
    parser.add_argument('--until', type=float, default=math.inf, help=argparse.SUPPRESS)
    parser.add_argument('--runs', type=Path, help=argparse.SUPPRESS)
    parser.add_argument('--until_lost', action='store_true', help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
