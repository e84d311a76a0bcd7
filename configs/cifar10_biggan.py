"""BigGAN on CIFAR-10, conditional, hinge loss: Figures 5 and 6 and Table 1 of Zhao et al. 2020.

    python -m gan_jax.prepare --dataset=cifar10 --data_dir=data
    python -m gan_jax.train --config=configs/cifar10_biggan.py --workdir=workdirs/biggan

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md. The default
is the paper's best combination; which augmentation its Cntr had is not stated, alone it preferred
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
that code), β is BigGAN's, the average has BigGAN's 0.9999 a step: a half-life of 6,931 steps. Here
it begins at the first step; BigGAN's code and its descendants copy the weights for some thousand
steps before. Measured by us: not yet, see docs/results.md.
"""

from typing import Any

from ml_collections import ConfigDict

from gan_jax.experiment.base import base
from gan_jax.experiment.presets import blocks

BIGGAN = 'gan_jax.models.biggan'


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    c = base()
    c.steps = 100_000
    c.batch_size = 256
    c.latent.dim = 80
    best = dict(method='bcr_cntr', augment='translation', strength=0.4)
    networks = (BIGGAN, dict(channels=96), dict(channels=96))
    return with_networks(c, text, 10, networks, **best)


def with_networks(
    c: ConfigDict,
    text: str,
    classes: int,
    networks: tuple[str, dict[str, Any], dict[str, Any]],
    **paper: Any,
) -> ConfigDict:
    """The config with the blocks of a method, conditional networks, and BigGAN's β and average.

    Args:
        c: the config, with its batch size and latents.
        text: the arguments.
        classes: of the data.
        networks: their module, and the keywords of its Generator and of its Trunk.
        **paper: defaults of the arguments.
    """
    module, generator, trunk = networks
    init = generator.get('initializer', 'orthogonal')
    c.generator = dict(fn=f'{module}.Generator', num_classes=classes, remat=False, **generator)
    c.discriminator = dict(fn=f'{module}.Trunk', remat=False, **trunk)
    logit = 'gan_jax.models.critic.ProjectionLogit'
    c.logit = dict(fn=logit, num_classes=classes, initializer=init)
    c.update(blocks(text, conditional=True, num_classes=classes, **paper))
    if 'size' in c.terms.adversarial:
        c.terms.adversarial.size = c.latent.dim
    if any('num_classes' in term for term in c.terms.values()):
        # Methods with a classifier have it in place of the projection.
        c.logit = dict(fn='gan_jax.models.critic.Logit', initializer=init)
    c.optim.g.b1 = c.optim.d.b1 = 0.0
    c.ema = dict(halflife_images=6931.0 * c.batch_size, ramp=1e30)  # no ramp
    return c
