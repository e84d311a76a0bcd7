"""Sweeps and results made up for tests of plans, tables and pictures."""

from pathlib import Path

from gan_jax.sweeps.arms import label
from gan_jax.sweeps.grid import Sweep, SweepRun
from gan_jax.sweeps.results import Result

TINY = str(Path(__file__).with_name('tiny.py'))


def write(folder, text='', **asked):
    """A sweep file of these entries, over tiny.py with two methods unless told otherwise."""
    asked = {'config': TINY, 'grid': {'method': ['none', 'bcr']}, 'seeds': 1} | asked
    asked = {key: value for key, value in asked.items() if value is not None}
    path = folder / 'asked.py'
    path.write_text(text or f'def get_sweep():\n    return {asked!r}\n')
    return path


def sweep(arms, seeds, *, x=None, curve=None, metric='fd', higher=False, contrasts=()):
    """A sweep without settings."""
    runs = tuple(SweepRun(f'{label(a)}/seed={s}', a, s, {}) for s in range(seeds) for a in arms)
    return Sweep(runs, tuple(arms), arms[0], metric, higher, x, curve, contrasts)


def done(*values, **final):
    """A run that was evaluated every ten steps, with these values of 'fd'."""
    rows = [(10 * i, {'fd': value}) for i, value in enumerate(values, 1)]
    step, last = rows[-1]
    return Result('done', step, (*rows[:-1], (step, last | final)), final=True)
