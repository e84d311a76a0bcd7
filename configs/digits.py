"""SNDCGAN on handwritten digits, 16x16: hinge loss with bCR and Cntr, in minutes on a CPU.

    python -m gan_jax.train --config=configs/digits.py --workdir=workdirs/digits
    python -m gan_jax.train --config=configs/digits.py:method=none --workdir=workdirs/vanilla

Arguments: method, augment (a policy), strength; cntr_augment, cntr_strength for Cntr alone. Methods
are those of the README. Zhao et al. 2020, arXiv 2006.02595, has no experiment on digits; weights
and method are its own, network width and rates are chosen for a first run on two CPU cores.
"""

from ml_collections import ConfigDict

from gan_jax.experiment.presets import blocks


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    c = ConfigDict()
    c.seed = 0
    c.steps = 1400
    c.batch_size = 64
    c.d_steps = 1
    c.accumulate = 1
    c.steps_per_dispatch = 1
    c.joint = True
    c.data = dict(name='digits', size=16, dir='', fraction=1.0, subset_seed=0)
    c.latent = dict(dim=128, labels='data')
    c.generator = dict(fn='gan_jax.models.sndcgan.Generator', width=0.25)
    c.discriminator = dict(fn='gan_jax.models.sndcgan.Trunk', width=0.25)
    c.logit = dict(fn='gan_jax.models.critic.Logit')
    c.update(blocks(text, method='bcr_cntr', augment='translation', strength=0.15))
    adam = dict(fn='optax.adam', learning_rate=6e-4, b1=0.5, b2=0.999)
    c.optim = dict(g=dict(adam), d=dict(adam))
    c.ema = dict(halflife_images=10_000.0, ramp=0.05)
    c.evaluate = dict(
        metrics='fd_digits,modes',
        full='',
        num=5000,
        weights='ema',
        batch_norm='moving',
        unaugmented='',
    )
    c.every = dict(log=20, sample=350, evaluate=350, full=1400, checkpoint=350)
    c.mesh = dict(data=-1, model=1)
    c.dtype = 'float32'
    return c
