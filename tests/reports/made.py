"""Workdirs of runs and sweeps that nobody has trained, for tests of reports."""

import json
from pathlib import Path

import numpy as np

from gan_jax.runtime import workdir
from gan_jax.sampling import pictures
from gan_jax.sweeps import grid, record, results, table
from tests.hostile import changed, settings
from tests.sweeps import made

SIZE = 16
HOSTILE = '</script><script>document.title="run"</script><img src=x onerror="document.title=1">'
VERSIONS = {'python': '3.11', 'gan_jax': '0.1.0', 'device': 'cpu: cpu x 1'}


def images(count: int, seed: int = 0) -> np.ndarray:
    """Blobs, uint8 [count, 16, 16, 1]."""
    rng = np.random.default_rng(seed)
    place = np.arange(SIZE)
    x, y = rng.uniform(4, 12, (2, count, 1, 1))
    height = np.exp(-((place - x) ** 2 + (place[:, None] - y) ** 2) / 8)
    return (255 * height[..., None]).astype(np.uint8)


def log(steps: int = 1400, every: int = 20) -> list[dict]:
    """Rows as the demo has them."""
    rng, rows = np.random.default_rng(1), []
    for step in range(0, steps + 1, every):
        row = {'step': step}
        if step:
            names = ('d/adversarial/real', 'd/adversarial/fake', 'd/consistency/real')
            row |= {name: float(rng.normal(1, 0.2)) for name in names}
            row |= {'g/adversarial/fake': float(rng.normal()), 'd/grad_norm': float(rng.uniform())}
            row |= {'g/grad_norm': float(rng.uniform()), 'time/seconds_per_step': 0.1}
        if step % (steps // 4) == 0:
            row |= {'eval/fd_digits': 100.0 / (1 + step), 'eval/fd_digits_floor': 0.8}
            row |= {'eval/linear_probe': 0.4 + 0.5 * step / steps}
            row |= {'eval/logit_train': 0.5, 'eval/logit_test': 0.4}
            row |= {'eval/overfit': 0.1, 'eval/sensitivity_flip': -0.2, 'eval/modes': 9}
            row |= {'eval/leak@translation(0.2)': 0.01}
        rows.append(row)
    return rows


def run(folder: Path, *, rows=None, pictures_at=(0, 700, 1400), status=None, changes=None) -> Path:
    """A workdir like the demo's.

    Args:
        folder: made if needed.
        rows: of the log.
        pictures_at: steps with a picture of samples.
        status: entries of status.json besides those of a finished run.
        changes: of the config, by dotted key.
    """
    folder.mkdir(parents=True, exist_ok=True)
    workdir.write_json(folder / 'config.json', changed(settings(), changes or {}))
    workdir.write_json(folder / 'classes.json', {'0': 'nought', '1': 'one'})
    rows = log() if rows is None else rows
    (folder / 'metrics.jsonl').write_text(''.join(f'{json.dumps(row)}\n' for row in rows))
    (folder / 'samples').mkdir(exist_ok=True)
    for i, step in enumerate(pictures_at):
        picture = pictures.grid(images(64, seed=i))
        pictures.save(folder / 'samples' / f'{step:08d}.png', picture)
    known = {'commit': 'abc1234', 'versions': VERSIONS, 'checkpoint': 1400}
    last = rows[-1]['step'] if rows else 0
    said = {'status': 'done', 'step': last, **known, **(status or {})}
    workdir.write_json(folder / 'status.json', said)
    return folder


def result(folder: Path, **changes) -> None:
    """A file of scores in a workdir."""
    found = {
        'metrics': {'fd_digits': 12.5, 'modes': 10},
        'protocol': {'seed': 0, 'num': 5000, 'weights': 'ema'},
        'checkpoint': {'step': 1400, 'digest': 'f00d'},
        'versions': VERSIONS,
        'commit': 'abc1234',
        'time': '2026-01-02T03:04:05Z',
    }
    (folder / 'results').mkdir(exist_ok=True)
    workdir.write_json(folder / 'results' / 'step_1400.json', found | changes)


def sweep(folder: Path, seeds: int = 3) -> Path:
    """The workdir of a sweep over two methods and two strengths, with values of 'fd_digits'."""
    folder.mkdir(parents=True, exist_ok=True)
    grid_ = {'method': ['none', 'bcr'], 'augment': ['translation'], 'strength': [0.1, 0.4]}
    arms = {'method': 'none', 'strength': 0.1}, {'method': 'bcr', 'strength': 0.4}
    path = made.write(folder, grid=grid_, seeds=seeds, contrasts=[arms])
    read = grid.read_sweep(path)
    for run_ in read.runs:
        value = 20 + 3 * run_.seed + 10 * (run_.arm['method'] == 'none') + 20 * run_.arm['strength']
        value += 0.5 * (run_.seed == 1) * (run_.arm['method'] == 'bcr')
        rows = [{'step': s, 'eval/fd_digits': value * 12 / s} for s in (6, 12)]
        place = run(folder / run_.name, rows=rows, pictures_at=(0, 12))
        workdir.write_json(place / 'config.json', run_.settings)
    record.write(folder, read, 'made')
    found = {r.name: results.read_result(folder / r.name, r.settings['steps']) for r in read.runs}
    (folder / 'table.csv').write_text(table.as_csv(read, found))
    return folder
