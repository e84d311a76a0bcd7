"""SNDCGAN on CIFAR-10, unconditional, hinge loss: Figures 2 and 3 of Zhao et al. 2020.

    python -m gan_jax.prepare --dataset=cifar10 --data_dir=data
    python -m gan_jax.train --config=configs/cifar10_sndcgan.py --workdir=workdirs/sndcgan

Arguments: method, augment (a policy), strength; cntr_augment, cntr_strength for Cntr alone. Methods
are those of docs/reference/methods.md; the default is the paper's best SNDCGAN.

| FID, 10,000 samples against the 10,000 test images | W/O | CR | ICR | bCR, zoom_out 0.4 |
|---|---|---|---|---|
| "Image Augmentations for GAN Training", top 15 % of runs | 24.73 | | | 14.8 |
| "Improved Consistency Regularization" (arXiv 2002.04724) | 24.73 | 18.72 | 15.87 | |

The 14.8 is read off Figure 3 (± 0.3). Batch and steps are the paper's, learning rate and β those of
compare_gan's SNDCGAN configs. No moving average, as there: a half-life of one image is none.
Measured by us: not yet, see docs/results.md.

FID needs the weights of Inception: downloaded, or read from $GAN_JAX_INCEPTION. To train without:
--config.evaluate.metrics= --config.evaluate.full=
"""

from ml_collections import ConfigDict

from gan_jax.experiment.base import base
from gan_jax.experiment.presets import blocks


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    c = base()
    c.logit.initializer = 'normal'
    c.update(blocks(text, num_classes=10, method='bcr', augment='zoom_out', strength=0.4))
    return c
