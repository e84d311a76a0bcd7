"""SNDCGAN on CIFAR-10, unconditional, hinge loss: Figures 2 and 3 of Zhao et al. 2020.

    python -m gan_jax.prepare --dataset=cifar10 --data_dir=data
    python -m gan_jax.train --config=configs/cifar10_sndcgan.py --workdir=workdirs/sndcgan

Arguments: method, augment (a policy), strength; cntr_augment, cntr_strength for Cntr alone. Methods
are those of the README; the default is the paper's best SNDCGAN.

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

from gan_jax.experiment.presets import blocks


def get_config(text: str = '', *, conditional: bool = False) -> ConfigDict:
    """The arguments can follow the file name; `conditional` is for configs made from this one."""
    c = ConfigDict()
    c.seed = 0
    c.steps = 200_000
    c.batch_size = 64
    c.d_steps = 1
    c.accumulate = 1
    c.steps_per_dispatch = 10  # on a CPU always 1
    c.joint = True
    c.data = dict(name='cifar10', size=32, dir='', fraction=1.0, subset_seed=0)
    c.latent = dict(dim=128, labels='data')
    c.generator = dict(fn='gan_jax.models.sndcgan.Generator', width=1.0)
    c.discriminator = dict(fn='gan_jax.models.sndcgan.Trunk', width=1.0)
    c.logit = dict(fn='gan_jax.models.critic.Logit', initializer='normal')
    defaults = dict(method='bcr', augment='zoom_out', strength=0.4)
    c.update(blocks(text, conditional=conditional, **defaults))
    adam = dict(fn='optax.adam', learning_rate=2e-4, b1=0.5, b2=0.999)
    c.optim = dict(g=dict(adam), d=dict(adam))
    c.ema = dict(halflife_images=1.0, ramp=0.05)
    c.evaluate = dict(
        metrics='fid10k_test',
        full='fid50k_train,is50k',
        num=10_000,
        weights='ema',
        batch_norm='moving',
        unaugmented='',
    )
    c.every = dict(log=100, sample=5000, evaluate=10_000, full=50_000, checkpoint=5000)
    c.mesh = dict(data=-1, model=1)
    c.dtype = 'float32'
    return c
