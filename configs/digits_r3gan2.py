"""R3GAN2 on handwritten digits, 16x16, conditional, in minutes on a CPU.

    python -m gan_jax.train --config=configs/digits_r3gan2.py --workdir=workdirs/digits_r3gan2

Methods and other arguments as those of digits.py; the default is that of R3GAN (Huang et al. 2025,
arXiv 2501.05441). R3GAN2, see r3gan2_cifar10.py, has no experiment on digits: loss, penalties,
networks and the shape of the rate are its own; width, numbers and schedules are chosen for a run of
minutes on two CPU cores, and so is the mild augmentation, since a digit must not be turned.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

DIGITS = Path(__file__).with_name('digits_r3gan.py')
CIFAR10 = Path(__file__).with_name('r3gan2_cifar10.py')


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    c = runpy.run_path(str(DIGITS))['get_config'](text)
    if c.logit.fn.startswith('gan_jax.models.r3gan.'):
        c.logit = dict(fn='gan_jax.models.critic.Logit')
    c.augment.shared = 'r2' in c.terms
    with_r3gan2 = runpy.run_path(str(CIFAR10))['with_r3gan2']
    with_r3gan2(c, 10, widths=(32, 16), group_size=16, blocks_of_size=2)
    rate = dict(fn='gan_jax.schedules.inverse_root', peak=0.01, ramp=0.02, over=0.2, unit='run')
    for optimizer in (c.optim.g, c.optim.d):
        optimizer.learning_rate = dict(rate)
    return c
