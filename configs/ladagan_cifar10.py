"""LadaGAN on CIFAR-10, unconditional: Morales-Juarez & Fuentes-Pineda 2024, arXiv 2401.09596.

    python -m gan_jax.prepare --dataset=cifar10 --data_dir=data
    python -m gan_jax.train --config=configs/ladagan_cifar10.py --workdir=workdirs/ladagan

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md, with the
logistic loss at every patch and R1 in place of the hinge loss; the default is `real_fake`, which
augments all that the discriminator sees.

| the authors' README | |
|---|---|
| FID after 68 million images | 3.29 |

They trained for less than 40 hours on one RTX 3080 Ti. Batch 128, learning rates 2e-4, Adam's β 0.5
and 0.99, colours and translation of DiffAugment, R1 of 1e-4 times the squared gradient of the sum
of all 25 patches (here 0.125 / 2 times their mean's), an average of 0.999 a step: all from their
code, which has the numbers of 64 pixels. The discriminator's widths are by its rule for 64 and 128
pixels, 256 channels at 16×16 and half as many at twice the size. They take R1's gradient after the
augmentation, here it goes through it. Measured by us: not yet, see docs/results.md.
"""

from ml_collections import ConfigDict

from gan_jax.experiment.base import base
from gan_jax.experiment.presets import blocks

LOGIT = 'gan_jax.models.critic.Logit'  # of a method that brings none of its own
HINGE = 'gan_jax.terms.adversarial.hinge'  # of a method that brings no loss of its own
NETWORKS = 'gan_jax.models.ladagan'


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    c = base()
    c.batch_size, c.steps = 128, 531_250
    c.joint = False  # the discriminator looks across the batch
    c.generator = dict(fn=f'{NETWORKS}.Generator', widths=[1024, 256, 64], heads=4, hidden=512)
    paper = dict(augment='diffaugment_color|diffaugment_translation', strength=1.0)
    c.update(blocks(text, num_classes=10, method='real_fake', **paper))
    c.discriminator = dict(
        fn=f'{NETWORKS}.Trunk', widths=[128, 256], out=[512, 1024], heads=4, hidden=512
    )
    if c.logit.fn == LOGIT:
        c.logit = dict(fn='gan_jax.models.patches.PatchLogit', initializer='orthogonal')
        c.logit.update(side=8, kernel=4, normalised=False)
        if c.terms.adversarial.fn == HINGE and c.terms.adversarial.weight:
            c.terms.adversarial.fn = 'gan_jax.terms.patches.non_saturating'
            c.terms.penalty = dict(fn='gan_jax.terms.penalty.r1', weight=0.125)
    for optimizer in (c.optim.g, c.optim.d):
        optimizer.update(learning_rate=2e-4, b1=0.5, b2=0.99)
    c.ema = dict(halflife_images=88_700.0, ramp=1e30)  # no ramp
    c.evaluate.update(metrics='fid50k_train', full='kid50k_train,is50k')
    return c
