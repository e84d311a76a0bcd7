"""StyleGAN2 on handwritten digits, 16x16, conditional, in minutes on a CPU.

    python -m gan_jax.train --config=configs/digits_stylegan2.py --workdir=workdirs/digits_stylegan2

Methods and other arguments as those of digits.py, with the logistic loss and R1 in place of the
hinge loss; the default is `none`. StyleGAN2 (Karras et al. 2019, arXiv 1912.04958) and ADA (Karras
et al. 2020, arXiv 2006.06676) have no experiment on digits: networks and losses are theirs, width
and γ are chosen for a run of minutes on two CPU cores, and Adam's numbers are not scaled.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

DIGITS = Path(__file__).with_name('digits.py')
CIFAR10 = Path(__file__).with_name('stylegan2_cifar10.py')


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    c = runpy.run_path(str(DIGITS))['get_config'](f'method=none,augment=translation,{text}')
    runpy.run_path(str(CIFAR10))['with_stylegan2'](c, 10)
    c.generator.update(units=64, base=512, most=32)
    c.discriminator.update(architecture='resnet', base=512, most=32, group=4)
    c.terms.penalty.weight = 0.1
    for optimizer in (c.optim.g, c.optim.d):
        optimizer.update(learning_rate=0.0025, b2=0.99)
    return c
