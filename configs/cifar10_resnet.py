"""SN-ResNet on CIFAR-10, unconditional, hinge loss: the ResNet rows beside Zhao et al. 2020.

    python -m gan_jax.prepare --dataset=cifar10 --data_dir=data
    python -m gan_jax.train --config=configs/cifar10_resnet.py --workdir=workdirs/resnet

Arguments: those of cifar10_sndcgan.py. Methods are those of the README.

| FID, 10,000 samples against the 10,000 test images | W/O | CR | ICR |
|---|---|---|---|
| "Improved Consistency Regularization" (arXiv 2002.04724) | 19.00 | 14.56 | 13.36 |

Batch 64, 40,000 steps of five discriminator updates and Adam's β of (0.5, 0.999) are those of
compare_gan's ResNet config for CIFAR-10; SNGAN's authors take (0, 0.9), 50,000 steps and a learning
rate that falls to 0. Measured by us: not yet, see docs/results.md.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

SNDCGAN = Path(__file__).with_name('cifar10_sndcgan.py')


def get_config(text: str = '') -> ConfigDict:
    """The experiment of cifar10_sndcgan.py but for what is set here."""
    c = runpy.run_path(str(SNDCGAN))['get_config'](text)
    c.steps = 40_000
    c.d_steps = 5
    c.generator.fn = 'gan_jax.models.resnet.Generator'
    c.discriminator.fn = 'gan_jax.models.resnet.Trunk'
    c.generator.remat = c.discriminator.remat = False
    c.logit.initializer = 'glorot'
    return c
