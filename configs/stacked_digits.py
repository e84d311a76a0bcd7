"""SNDCGAN on stacked digits, 16x16x3, 1,000 modes: bCR and Cntr.

    python -m gan_jax.train --config=configs/stacked_digits.py --workdir=workdirs/stacked

Methods and other arguments as those of digits.py, and the same experiment but for what is set here.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

DIGITS = Path(__file__).with_name('digits.py')


def get_config(text: str = '') -> ConfigDict:
    """`method`, `augment` (a policy) and its `strength` can follow the file name."""
    c = runpy.run_path(str(DIGITS))['get_config'](text, num_classes=1000)
    c.steps = 1600
    c.data.name = 'stacked_digits'
    if 'instances' in c.latent.fn:
        c.latent.dim = 128 + 3 * 64
    c.optim.g.learning_rate = c.optim.d.learning_rate = 4e-4
    c.every.sample = c.every.evaluate = c.every.checkpoint = 400
    return c
