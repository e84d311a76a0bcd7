"""WGAN-GP on CIFAR-10, unconditional: Gulrajani et al. 2017, arXiv 1704.00028.

    python -m gan_jax.prepare --dataset=cifar10 --data_dir=data
    python -m gan_jax.train --config=configs/wgangp_cifar10.py --workdir=workdirs/wgangp

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md; the default
is `wgan_gp`.

| Inception Score, table 3 | |
|---|---|
| WGAN-GP ResNet, without labels | 7.86 |

Networks, batch 64, 100,000 steps of five discriminator updates, λ 10, learning rates that fall from
2e-4 to 0 along a line and Adam's β of (0, 0.9) are those of the authors' code. Theirs differs in
this: the generator's update has 128 images, reals get uniform noise of a quantum, and by default an
auxiliary classifier tells both networks the classes. Measured by us: not yet, see docs/results.md.
"""

from ml_collections import ConfigDict

from gan_jax.experiment.base import base
from gan_jax.experiment.presets import blocks

LOGIT = 'gan_jax.models.critic.Logit'  # of a method that brings none of its own


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    c = base()
    c.steps, c.d_steps = 100_000, 5
    c.generator = dict(fn='gan_jax.models.resnet.Generator', up=[128] * 4, remat=False)
    c.logit.initializer = 'glorot'
    c.update(blocks(text, num_classes=10, method='wgan_gp', augment='translation', strength=0.1))
    # It has no spectral normalisation that a method could leave out.
    c.discriminator = dict(fn='gan_jax.models.wgan_gp.Trunk', width=1.0, layer_norm=False)
    if c.logit.fn == LOGIT:
        c.logit.normalised = False
    for optimizer in (c.optim.g, c.optim.d):
        optimizer.update(b1=0.0, b2=0.9)
        optimizer.learning_rate = dict(
            fn='gan_jax.schedules.linear', start=2e-4, end=0.0, unit='run'
        )
    c.evaluate.update(metrics='fid10k_test', full='is50k,fid50k_train')
    return c
