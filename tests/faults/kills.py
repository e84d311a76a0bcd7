"""Processes that end without a word (SIGKILL): training, evaluation, preparation, a sweep."""

import json
import random
import signal
import subprocess
import time
from pathlib import Path

from gan_jax import data
from tests.data.archives import maker
from tests.faults import command, runs, verdict
from tests.faults.attack import Attack, Guard
from tests.faults.bench import HALF, INTERVALS, STEPS, Bench, flags_of
from tests.faults.verdict import civil, first

WHOLE = Guard(
    'gan_jax/runtime/files.py',
    "    partial = path.with_name(path.name + '.part')\n",
    '    partial = path\n',
)
ROWS = Guard(
    'gan_jax/run/log.py',
    "            kept += [line] if row['step'] <= since else []\n",
    '            kept += [line]\n',
)
KILLED = -signal.SIGKILL
MOMENTS, FILE_OPERATIONS, EVALUATIONS, PREPARATIONS, SWEEPS = 8, 12, 6, 8, 2  # trials
CUT = -signal.SIGXFSZ  # killed by the kernel with a part of a file written
ENDS = (0, KILLED, CUT, 74)  # 74: what no signal tells of the limit fails for it


def any_moment(bench: Bench, draw: random.Random, index: int) -> str:
    """A training run killed some seconds after its start; the same command goes on.

    Every other one while it trains: soon after it has written so many rows of its log.
    """
    folder = bench.scratch / 'run'
    process = command.start(command.plain('train', *flags_of(folder)))
    later = draw.uniform(0, bench.known['seconds'])
    if index % 2:
        rows, later = draw.randrange(1, STEPS // INTERVALS['log']), draw.uniform(0, 0.01)
        while process.poll() is None and _rows(folder) < rows:
            time.sleep(0.001)
    done = _killed_after(process, later)
    return first(civil(done, (0, KILLED)), _resumed(bench, folder))


def _rows(folder: Path) -> int:
    try:
        return (folder / 'metrics.jsonl').read_bytes().count(b'\n')
    except FileNotFoundError:
        return 0


def file_operation(bench: Bench, draw: random.Random, index: int) -> str:
    """Killed where it opens, renames or removes a file, or in the midst of what it writes then."""
    folder = bench.scratch / 'run'
    bite = {'below': str(folder), **_bite(draw, bench.known['operations'], index, FILE_OPERATIONS)}
    done = command.run(command.bitten(bite, 'train', *flags_of(folder)))
    lost = first(civil(done, ENDS), _resumed(bench, folder))
    return lost and f'{bite}: {lost}'


def _bite(draw: random.Random, operations: int, index: int, trials: int) -> dict[str, int]:
    """SIGKILL, or a limit of some bytes, at an operation of this trial's part of all of them."""
    place = (index % trials + draw.random()) / trials
    operation = {'at': 1 + int(place * operations)}
    return operation if draw.random() < 0.5 else {**operation, 'bytes': draw.randint(0, 300)}


def _resumed(bench: Bench, folder: Path) -> str:
    done = bench.train(folder)
    return first(civil(done, (0,), 'the same command'), verdict.same_as_straight(bench, folder))


def _killed_after(process: subprocess.Popen, seconds: float) -> command.Ended:
    time.sleep(seconds)
    process.kill()
    return command.ended(process)


def evaluation(bench: Bench, draw: random.Random, index: int) -> str:
    """`evaluate` killed at a file operation or at any moment: the run stays, so does its score."""
    folder = bench.copy('half')
    before = verdict.kept(folder)
    flags = [f'--workdir={folder}']
    if index % 2:
        process = command.start(command.plain('evaluate', *flags))
        done = _killed_after(process, draw.uniform(0, bench.known['seconds']))
    else:
        bite = {'below': str(folder), **_bite(draw, 4, index // 2, EVALUATIONS // 2)}
        done = command.run(command.bitten(bite, 'evaluate', *flags))
    half = [p.name for p in (folder / 'results').glob('*.json') if not _is_json(p)]
    again = bench.evaluate(folder)
    return first(
        civil(done, ENDS),
        half and f'half of a result in {half}',
        before != verdict.kept(folder) and 'files of the run have changed',
        civil(again, (0,), 'the same command'),
        verdict.scored(bench, folder, again, [HALF]),
    )


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text())
    except ValueError:
        return False
    return True


def preparation(bench: Bench, draw: random.Random, index: int) -> str:
    """`prepare` killed at a file operation: the data set is whole or absent, and then made."""
    source, known = maker.cifar10(bench.scratch, per_batch=20)
    place = bench.scratch / 'data'
    flags = ['--dataset=cifar10', f'--source={source}', f'--data_dir={place}']
    bite = {'below': str(place), **_bite(draw, 14, index, PREPARATIONS)}
    done = command.run(command.bitten(bite, 'prepare', *flags))
    if (place / 'cifar10').exists():
        lost = _other(data.load('cifar10', place), known['train'])
        if lost:
            return f'after the kill {lost}'
    again = command.run(command.plain('prepare', *flags))
    rest = [p.name for p in place.iterdir() if p.name.endswith('.part')] if place.exists() else []
    return first(
        civil(done, ENDS),
        civil(again, (0,), 'the same command'),
        rest and f'{rest} is left',
        _other(data.load('cifar10', place), known['train']),
    )


def _other(dataset, known) -> str:
    same = (dataset.images == known[0]).all() and (dataset.labels == known[1]).all()
    return '' if same else 'the data set has other images or labels'


def sweep(bench: Bench, draw: random.Random, index: int) -> str:
    """`sweep` killed when its first run has begun, and at any moment: its table stays the same."""
    place = bench.scratch / 'sweep'
    flags = [f'--sweep={bench.runs / "asked.py"}', f'--workdir={place}']
    asked = command.plain('sweep', *flags)
    begun = command.start(asked)
    while begun.poll() is None and not [*place.glob('*/seed=*/status.json')]:
        time.sleep(0.01)
    done = _killed_after(begun, draw.uniform(0, 0.1))
    later = draw.uniform(0.5, 1) * bench.known['sweep']['seconds']
    then = _killed_after(command.start(asked), later)
    again = command.run(asked)
    return first(
        civil(done, (0, KILLED)),
        civil(then, (0, KILLED)),
        civil(again, (0,), 'the same command'),
        runs.digest(place / 'table.csv') != bench.known['sweep']['table'] and 'another table',
    )


ATTACKS = (
    Attack('kill -9 at any moment', MOMENTS, any_moment, ROWS),
    Attack('kill -9 at a file operation', FILE_OPERATIONS, file_operation, ROWS),
    Attack('kill -9 in an evaluation', EVALUATIONS, evaluation, WHOLE),
    Attack(
        'kill -9 in prepare',
        PREPARATIONS,
        preparation,
        Guard(
            'gan_jax/data/prepared.py',
            "    partial = removed(folder.with_name(f'.{folder.name}.part'))",
            "    partial = folder.with_name(f'.{folder.name}.part')",
        ),
    ),
    Attack(
        'kill -9 in a sweep',
        SWEEPS,
        sweep,
        Guard(
            'gan_jax/sweeps/results.py',
            "    if status == 'done' and step == steps:\n",
            "    if status in ('done', 'running'):\n",
        ),
    ),
)
