"""sweep.json: a sweep as its workdir keeps it, for readers without the sweep file."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_jax.runtime import files, workdir
from gan_jax.runtime.errors import DATA, MISSING, UserError
from gan_jax.sweeps.arms import Arm
from gan_jax.sweeps.grid import Sweep, SweepRun

NAME = 'sweep.json'
# A folder below the sweep's own: the name may come from somebody else's file.
RUN = re.compile(r'(?!\.)[\w.,=+-]{1,255}/seed=\d{1,10}')
CHOICES = ('x', 'curve')


def write(folder: Path, sweep: Sweep, title: str) -> None:
    """Writes sweep.json.

    Args:
        folder: the sweep's workdir.
        sweep: its content; of each run's settings only the steps are kept.
        title: of the sweep.
    """
    runs = [
        {'name': r.name, 'arm': r.arm, 'seed': r.seed, 'steps': r.settings['steps']}
        for r in sweep.runs
    ]
    content = json.dumps({'title': title, **sweep._asdict(), 'runs': runs}, indent=1) + '\n'
    files.replace(folder / NAME, content.encode())


def is_sweep(folder: Path) -> bool:
    """True if a sweep has its workdir here, and no single run."""
    there = any((folder / name).exists() for name in (NAME, 'table.csv'))
    return there and not (folder / 'config.json').exists()


def read(folder: Path) -> tuple[Sweep, str]:
    """(the sweep of a workdir, its title); settings of the runs hold their steps alone.

    Raises:
        UserError: sweep.json is missing (66), damaged (65), or of another form (65).
    """
    path = folder / NAME
    try:
        return _sweep(workdir.read_json(path))
    except FileNotFoundError as error:
        raise UserError(
            f'{path} is missing, as in sweeps of earlier versions: give the sweep command again, '
            'which writes it and trains no finished run',
            MISSING,
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f'{path} cannot be read: remove it and give the sweep command again', DATA
        ) from error


def _sweep(found: Mapping[str, Any]) -> tuple[Sweep, str]:
    runs = tuple(_run(one) for one in found['runs'])
    arms = tuple(_arm(one) for one in found['arms'])
    contrasts = tuple((_arm(one), _arm(other)) for one, other in found['contrasts'])
    x, curve = (None if found[key] is None else _text(found[key]) for key in CHOICES)
    baseline = _arm(found['baseline'])
    if not runs or baseline not in arms or any(run.arm not in arms for run in runs):
        raise ValueError('its arms do not fit its runs')
    metric, title = _text(found['metric']), _text(found['title'])
    higher = found['higher'] is True
    return Sweep(runs, arms, baseline, metric, higher, x, curve, contrasts), title


def _run(found: Mapping[str, Any]) -> SweepRun:
    name = _text(found['name'])
    if not RUN.fullmatch(name):
        raise ValueError(f'{name} is no run of a sweep')
    steps, seed = found['steps'], found['seed']
    if type(steps) is not int or type(seed) is not int:
        raise ValueError('steps and seeds are integers')
    return SweepRun(name, _arm(found['arm']), seed, {'steps': steps})


def _arm(found: Mapping[str, Any]) -> Arm:
    if not all(isinstance(value, str | int | float) for value in dict(found).values()):
        raise ValueError('an arm has texts and numbers')
    return dict(found)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError('a name is a text')
    return value
