"""Verdicts on trials: each function says in a few words what was lost, or returns ''."""

import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from tests.faults import runs
from tests.faults.bench import HALF, Bench, timeless, told
from tests.faults.command import Ended

REFUSED = (2, 65, 66, 69, 70, 73, 74)  # a sentence and nothing done


def first(*said: str) -> str:
    """The first loss of several."""
    return next(filter(None, said), '')


def civil(done: Ended, allowed: Collection[int], what: str = 'command') -> str:
    """'' if a command has ended in time, without a traceback, and with a right status."""
    said = f'{what}: {done.out[-200:]}{done.err[-300:]}'
    if done.status is None:
        return f'hangs, {said}'
    if 'Traceback' in done.out + done.err:
        return f'a traceback, {said}'
    if done.status not in allowed:
        return f'status {done.status}, {said}'
    if done.status in REFUSED and 'gan_jax: ' not in done.err:
        return f'status {done.status} without a sentence, {said}'
    return ''


def warned(done: Ended) -> bool:
    return 'gan_jax: ' in done.out + done.err


def same_as_straight(bench: Bench, folder: Path) -> str:
    """'' if a run has ended like an undisturbed one."""
    mine = told(folder)
    wrong = [name for name, value in bench.straight.items() if mine[name] != value]
    return f'other {", ".join(wrong)} than a run without the fault' if wrong else ''


def gone_on(bench: Bench, folder: Path, done: Ended, intact: Collection[str] = ()) -> str:
    """'' if the half run that was resumed to its end lost nothing in silence.

    Args:
        bench: has the result of the undisturbed run.
        folder: its workdir.
        done: the command that resumed it.
        intact: the rows that were whole before it, without times; those must stay.
    """
    mine, right = told(folder), bench.whole
    true, have = ({json.dumps(row) for row in run['rows']} for run in (right, mine))
    steps = [row['step'] for row in mine['rows']]
    later = {row for row in true if json.loads(row)['step'] > HALF}
    if mine['leaves'] != right['leaves']:
        return 'other weights at the last step'
    if mine['status'] != 'done':
        return f'status.json says {mine["status"]}'
    if steps != sorted(set(steps)):
        return f'rows in disorder: {steps}'
    if lost := {*intact, *later} - have:
        return f'rows that were whole are gone: {sorted(lost)}'
    if true != have and not warned(done):
        return f'{len(true - have)} rows gone and {len(have - true)} wrong without a word'
    if mine['best'] != right['best'] and not warned(done):
        return 'another best checkpoint without a word'
    return ''


def intact(bench: Bench, folder: Path) -> set[str]:
    """The rows of a half run that are still true, without times."""
    true = {json.dumps(row) for row in bench.whole['rows']}
    try:
        lines = (folder / 'metrics.jsonl').read_bytes().split(b'\n')[:-1]
    except OSError:
        return set()
    found = set()
    for line in lines:
        with contextlib.suppress(ValueError, AttributeError, RecursionError):
            found.add(json.dumps(timeless(json.loads(line))))
    return found & true


def drawn(bench: Bench, done: Ended, steps: Collection[int]) -> str:
    """'' if `sample` has drawn the picture of the checkpoint that it names."""
    return _of_a_step(done, steps, {runs.digest(bench.scratch / 'out.png')}, bench.known['sampled'])


def scored(bench: Bench, folder: Path, done: Ended, steps: Collection[int]) -> str:
    """'' if `evaluate` has written true scores of the checkpoint that it names."""
    (result,) = runs.results(folder)
    if f'step {result["checkpoint"]["step"]},' not in done.out:
        return 'the result file names another step than the command'
    if result['checkpoint']['step'] != max(steps) and not result['checkpoint']['damaged']:
        return 'an older checkpoint, and the result does not say so'
    score = runs.score(result)
    return _of_a_step(done, steps, [score], bench.known['scores'])


def result(bench: Bench, folder: Path, step: int) -> str:
    """'' if the only result that `evaluate` has written is true, with or without its output."""
    found = [runs.score(result) for result in runs.results(folder)]
    return '' if found == [bench.known['scores'][str(step)]] else 'no result, or a wrong one'


def _of_a_step(done: Ended, steps: Collection[int], mine, right) -> str:
    step = next((s for s in steps if f'step {s},' in done.out or f'step {s} ' in done.out), None)
    if step is None:
        return f'no step named: {done.out}'
    if step != max(steps) and not warned(done):
        said = f'{done.out[-300:]}{done.err[-300:]}'
        return f'step {step} is not the newest, and nothing says so: {said}'
    return '' if right[str(step)] in mine else f'a wrong result of step {step}'


def kept(folder: Path) -> Counter[str]:
    """The contents of what a run must never lose, however they are named."""
    files = [folder / 'metrics.jsonl']
    for name in ('checkpoints', 'best', 'quarantine'):
        files += sorted((folder / name).rglob('*'))
    digests = (hashlib.sha256(p.read_bytes()).hexdigest() for p in files if p.is_file())
    return Counter(digests)


def anywhere(folder: Path) -> Counter[str]:
    files = (p for p in folder.rglob('*') if p.is_file() and not p.is_symlink())
    return Counter(hashlib.sha256(p.read_bytes()).hexdigest() for p in files)
