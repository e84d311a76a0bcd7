"""SN-ResNet on CIFAR-10, unconditional, hinge loss: the ResNet rows beside Zhao et al. 2020.

    python -m gan_jax.prepare --dataset=cifar10 --data_dir=data
    python -m gan_jax.train --config=configs/cifar10_resnet.py --workdir=workdirs/resnet

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md.

| FID, 10,000 samples against the 10,000 test images | W/O | CR | ICR |
|---|---|---|---|
| "Improved Consistency Regularization" (arXiv 2002.04724) | 19.00 | 14.56 | 13.36 |

Batch 64, 40,000 steps of five discriminator updates and Adam's β of (0.5, 0.999) are those of
compare_gan's ResNet config for CIFAR-10; SNGAN's authors take (0, 0.9), 50,000 steps and a learning
rate that falls to 0. Measured by us: not yet, see docs/results.md.
"""

from ml_collections import ConfigDict

from gan_jax.experiment.base import base
from gan_jax.experiment.presets import blocks


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    c = base()
    c.steps = 40_000
    c.d_steps = 5
    c.generator = dict(fn='gan_jax.models.resnet.Generator', width=1.0, remat=False)
    c.discriminator = dict(fn='gan_jax.models.resnet.Trunk', width=1.0, remat=False)
    c.logit.initializer = 'glorot'
    c.update(blocks(text, num_classes=10, method='bcr', augment='zoom_out', strength=0.4))
    return c
