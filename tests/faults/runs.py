"""The runs that attacks start from, made once, and what is true of them."""

import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

from tests.faults import command
from tests.faults.bench import HALF, KEPT, STEPS, Bench, flags_of
from tests.faults.command import Ended

# Two short runs of networks of a layer.
SWEEP = """def get_sweep():
    grid = {'method': ['none'], 'strength': [0.1, 0.2], 'every.checkpoint': [2]}
    return {'config': 'tests/sweeps/tiny.py', 'grid': grid, 'seeds': 1}
"""


def prepare(bench: Bench) -> None:
    """Makes `half`, `whole` and `straight`, and writes down what is known of them."""
    known = _straight(bench.runs)
    half, whole = bench.runs / 'half', bench.runs / 'whole'
    _must(bench.train(half, HALF))
    shutil.copytree(half, whole)
    _must(bench.train(whole))
    _must(bench.train(bench.runs / 'other', HALF, '--config.seed=1'))
    size = sum(p.stat().st_size for p in half.rglob('*') if p.is_file())
    known |= {'sampled': {}, 'scores': {}, 'bytes': size, 'sweep': _sweep(bench.runs)}
    for folder, steps in ((half, KEPT), (whole, (STEPS,))):
        copy = Path(shutil.copytree(folder, bench.scratch / 'run'))
        for step in map(str, steps):
            _must(bench.sample(copy, f'--step={step}'))
            known['sampled'][step] = digest(bench.scratch / 'out.png')
            _must(bench.evaluate(copy, f'--step={step}'))
        known['scores'] |= {str(r['checkpoint']['step']): score(r) for r in results(copy)}
        shutil.rmtree(copy)
    (bench.runs / 'known.json').write_text(json.dumps(known))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def results(folder: Path) -> list[dict[str, Any]]:
    """The results that `evaluate` has written."""
    return [json.loads(p.read_text()) for p in sorted((folder / 'results').glob('*.json'))]


def score(result: dict[str, Any]) -> dict[str, Any]:
    """The part of a result that is the same whenever a checkpoint is evaluated."""
    return {key: result[key] for key in ('metrics', 'protocol', 'training_seed')}


def _straight(runs: Path) -> dict[str, Any]:
    """Seconds until the end, and how many file operations there are."""
    folder, count = runs / 'straight', runs / 'count'
    bite = {'below': str(folder), 'count': str(count)}
    begun = time.monotonic()
    _must(command.run(command.bitten(bite, 'train', *flags_of(folder)), stdout=-3))
    return {'seconds': time.monotonic() - begun, 'operations': int(count.read_text())}


def _sweep(runs: Path) -> dict[str, Any]:
    (runs / 'asked.py').write_text(SWEEP)
    begun = time.monotonic()
    flags = [f'--sweep={runs / "asked.py"}', f'--workdir={runs / "sweep"}']
    _must(command.run(command.plain('sweep', *flags)))
    return {
        'seconds': time.monotonic() - begun,
        'table': digest(runs / 'sweep' / 'table.csv'),
    }


def _must(done: Ended) -> None:
    if done.status != 0:
        raise RuntimeError(f'a run without any fault ended with {done.status}: {done.err[-2000:]}')
