"""SNDCGAN on handwritten digits, 16x16: hinge loss with bCR and Cntr, in minutes on a CPU.

    python -m gan_jax.train --config=configs/digits.py --workdir=workdirs/digits
    python -m gan_jax.train --config=configs/digits.py:method=none --workdir=workdirs/vanilla

Arguments: method, augment (a policy), strength; cntr_augment, cntr_strength for Cntr alone. Methods
are those of docs/reference/methods.md. Zhao et al. 2020, arXiv 2006.02595, has no experiment on
digits; weights and method are its own, network width and rates are chosen for a first run on two
CPU cores.
"""

from ml_collections import ConfigDict

from gan_jax.experiment.base import base
from gan_jax.experiment.presets import blocks


def get_config(text: str = '', num_classes: int = 10) -> ConfigDict:
    """The arguments can follow the file name."""
    c = base()
    c.steps = 1400
    c.steps_per_dispatch = 1
    c.data.update(name='digits', size=16)
    c.generator.width = c.discriminator.width = 0.25
    defaults = dict(method='bcr_cntr', augment='translation', strength=0.15)
    c.update(blocks(text, num_classes=num_classes, **defaults))
    for name in {'ada', 'apa'} & {*c.terms}:
        # From 0 to 1 in a quarter of the run's 90,000 images; the papers' 500,000 are for millions.
        c.terms[name].images = 20_000.0
    if 'insgen' in c.terms:
        c.terms.insgen.queue = 72  # 5 % of the 1,437 images, the paper's share
    if 'bigan' in c.terms.adversarial.fn:
        c.terms.adversarial.width, c.logit.units = 0.25, 128
    if 'instances' in c.latent.fn:
        # Beside 128 numbers of noise, 64 features of each channel.
        c.latent.features, c.latent.dim = 'digits', 192
    c.optim.g.learning_rate = c.optim.d.learning_rate = 6e-4
    c.ema.halflife_images = 10_000.0
    c.evaluate.update(metrics='fd_digits,modes', full='', num=5000)
    c.every.update(log=20, sample=350, evaluate=350, full=1400, checkpoint=350, snapshot=350)
    return c
