"""BigGAN on CIFAR-10, conditional, hinge loss: Figures 5 and 6 and Table 1 of Zhao et al. 2020.

    python -m gan_jax.prepare --dataset=cifar10 --data_dir=data
    python -m gan_jax.train --config=configs/cifar10_biggan.py --workdir=workdirs/biggan

Arguments: those of cifar10_sndcgan.py. Methods are those of the README. The default is the paper's
best combination; which augmentation its Cntr had is not stated, alone it preferred
`cntr_augment=simclr,cntr_strength=0.3`.

FID, 10,000 samples against the 10,000 test images:

| paper | W/O | CR | bCR | zCR | ICR | Cntr | bCR + Cntr |
|---|---|---|---|---|---|---|---|
| "Image Augmentations for GAN Training", Table 1 | 14.73 | | 9.21 | | | 12.27 | 8.30 |
| "Improved Consistency ..." (arXiv 2002.04724) | 14.73 | 11.48 | 10.54 | 10.19 | 9.21 | | |

The two 9.21 are one number: the first paper seems to quote ICR's as bCR's. Its own best bCR is 8.6
(translation 0.4, read off Figure 5, ± 0.3).

Batch 256 and 100,000 steps are the paper's; one discriminator update a step is what its algorithms
say, which BigGAN was run with is not stated. The networks are compare_gan's (the second paper names
that code), β is BigGAN's, the average has BigGAN's 0.9999 a step: a half-life of 6,931 steps.
Measured by us: not yet, see docs/results.md.
"""

from ml_collections import ConfigDict

from gan_jax.experiment.base import base
from gan_jax.experiment.presets import blocks

CLASSES = 10


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    c = base()
    c.steps = 100_000
    c.batch_size = 256
    c.latent.dim = 80
    c.generator = dict(
        fn='gan_jax.models.biggan.Generator', channels=96, num_classes=CLASSES, remat=False
    )
    c.discriminator = dict(fn='gan_jax.models.biggan.Trunk', channels=96, remat=False)
    c.logit = dict(
        fn='gan_jax.models.critic.ProjectionLogit', num_classes=CLASSES, initializer='orthogonal'
    )
    best = dict(method='bcr_cntr', augment='translation', strength=0.4)
    c.update(blocks(text, conditional=True, num_classes=CLASSES, **best))
    if 'size' in c.terms.adversarial:
        c.terms.adversarial.size = c.latent.dim
    if any('num_classes' in term for term in c.terms.values()):
        # Methods with a classifier have it in place of the projection.
        c.logit = dict(fn='gan_jax.models.critic.Logit', initializer='orthogonal')
    c.optim.g.b1 = c.optim.d.b1 = 0.0
    c.ema.halflife_images = 6931.0 * c.batch_size
    return c
