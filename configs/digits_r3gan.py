"""R3GAN on handwritten digits, 16x16, conditional, in minutes on a CPU.

    python -m gan_jax.train --config=configs/digits_r3gan.py --workdir=workdirs/digits_r3gan

Methods and other arguments as those of digits.py; the default is that of R3GAN (Huang et al. 2025,
arXiv 2501.05441), which has no experiment on digits. Loss, penalties and networks are the paper's;
width, rates and schedules are chosen for a run of minutes on two CPU cores, and so is the mild
augmentation, since a digit must not be turned.
"""

import runpy
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

DIGITS = Path(__file__).with_name('digits.py')
CIFAR10 = Path(__file__).with_name('r3gan_cifar10.py')


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""

    def half_cosine(start: float, end: float) -> dict[str, Any]:
        return dict(fn='gan_jax.schedules.cosine', start=start, end=end, unit='run')

    get = runpy.run_path(str(DIGITS))['get_config']
    c = get(f'method=r3gan,augment=translation,strength=0.1,{text}')
    c.steps = 600
    c.every.update(sample=150, evaluate=150, full=600, checkpoint=150, snapshot=150)
    runpy.run_path(str(CIFAR10))['with_r3gan'](c, 10, widths=(64, 32, 16), group_size=16)
    if 'r2' in c.terms:
        c.terms.r1.weight = half_cosine(1.0, 0.1)
        c.terms.r2.weight = half_cosine(1.0, 0.1)
    for optimizer in (c.optim.g, c.optim.d):
        optimizer.learning_rate, optimizer.b2 = half_cosine(2e-3, 5e-4), half_cosine(0.9, 0.99)
    return c
