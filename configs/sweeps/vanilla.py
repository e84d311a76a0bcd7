"""Models without augmentation: what the leak meter is calibrated with. Twenty seeds on digits.

    python -m gan_jax.sweep --sweep=configs/sweeps/vanilla.py --workdir=workdirs/vanilla

They are for config.evaluate.unaugmented=workdirs/vanilla, which the metrics of gan_jax/evaluate/
leaks.py ask for. Five seeds would do; ten are a good number, of which five teach the meter's
classifier. Twenty measure the meter itself, see tests/benchmark_leak.py. All three checkpoints that
a run keeps are used (steps 700, 1,050 and 1,400), so that other generators find one as bad as they
are. Two minutes a run on two CPU cores. At the end fd_digits is 6.9 to 30 (median 14), and one of
the twenty has collapsed.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

DIGITS = Path(__file__).parents[1] / 'digits.py'


def get_config(text: str = '') -> ConfigDict:
    """The arguments of digits.py can follow the file name."""
    c = runpy.run_path(str(DIGITS))['get_config'](text)
    c.evaluate.metrics = 'fd_digits,diversity'
    return c


def get_sweep() -> dict:
    """One arm, which is its own baseline."""
    return {
        'config': __file__,
        'grid': {'method': ['none']},
        'seeds': 20,
        'baseline': {'method': 'none'},
        'metric': 'fd_digits',
    }
