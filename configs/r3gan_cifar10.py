"""R3GAN on CIFAR-10, conditional: Huang et al. 2025, arXiv 2501.05441.

    python -m gan_jax.prepare --dataset=cifar10 --data_dir=data
    python -m gan_jax.train --config=configs/r3gan_cifar10.py --workdir=workdirs/r3gan

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md. The default
is the paper's: the relativistic pairing loss, R1 and R2 at every step and through the augmentation,
reals of the generator's own, generated images with the labels of the reals.

| FID, 50,000 samples against the 50,000 training images | |
|---|---|
| the paper, as pages about it quote | 1.96 |

Over the first 20 million images these go from start to end along half a cosine: both learning rates
2e-4 to 5e-5, β2 0.9 to 0.99, γ 0.05 to 0.005, the augmentation's p 0 to 0.55, the half-life of the
average 0 to 5 million images. Batch 512, 250 million images, β1 0, images mirrored at random,
bfloat16 in the three largest of four sizes. The authors' run took four days of eight L40. All this
is from their code, but for the length, which is the paper's. Measured by us: not yet, see
docs/results.md.
"""

from collections.abc import Sequence
from typing import Any

from ml_collections import ConfigDict

from gan_jax.experiment.base import base
from gan_jax.experiment.presets import blocks

LOGIT = 'gan_jax.models.critic.Logit'  # of a method that brings none of its own
NETWORKS = 'gan_jax.models.r3gan'


def get_config(
    text: str = '',
    *,
    classes: int = 10,
    widths: Sequence[int] = (768,) * 4,
    group_size: int = 16,
    gamma: float = 0.05,
    strength: float = 0.55,
    images: float = 2e7,
    halflife: float = 5e6,
) -> ConfigDict:
    """The arguments can follow the file name.

    Args:
        text: the arguments.
        classes: of the data, 0 without labels.
        widths: of both networks.
        group_size: of both networks.
        gamma: of R1 and R2 at the start; a tenth of it at the end.
        strength: of the augmentation at the end.
        images: the length of all schedules.
        halflife: of the generator's average at the end, in images.
    """

    def half_cosine(start: float, end: float) -> dict[str, Any]:
        numbers = dict(start=start, end=end, over=images, unit='images')
        return dict(fn='gan_jax.schedules.cosine', **numbers)

    c = base()
    c.batch_size, c.steps, c.dtype = 512, 488_281, 'bfloat16'
    c.latent.dim = 64
    paper = dict(method='r3gan', augment='ada_r3gan', strength=strength)
    c.update(blocks(text, conditional=classes > 0, num_classes=classes, **paper))
    if 'r2' in c.terms:
        c.augment.real = 'flip'
        c.augment.strength = half_cosine(0.0, c.augment.strength)
        c.terms.r1.weight = half_cosine(gamma, gamma / 10)
        c.terms.r2.weight = half_cosine(gamma, gamma / 10)
    if 'size' in c.terms.adversarial:
        c.terms.adversarial.size = c.latent.dim
    with_r3gan(c, classes, widths, group_size)
    if classes and not c.logit.fn.startswith(NETWORKS):
        c.logit.num_classes = classes
    for optimizer in (c.optim.g, c.optim.d):
        optimizer.learning_rate, optimizer.b2 = half_cosine(2e-4, 5e-5), half_cosine(0.9, 0.99)
    c.ema = dict(halflife_images=half_cosine(1.0, halflife), ramp=1.0)
    c.evaluate.update(metrics='fid50k_train', full='kid50k_train,is50k')
    return c


def with_r3gan(c: ConfigDict, classes: int, widths: Sequence[int], group_size: int) -> None:
    """Gives a config with the blocks of a method the networks, and optimisers without momentum.

    Args:
        c: the config.
        classes: of the generator, and of the logit if the method brings none.
        widths: of both networks.
        group_size: of both networks.
    """
    c.generator = dict(fn=f'{NETWORKS}.Generator', num_classes=classes)
    c.discriminator = dict(fn=f'{NETWORKS}.Trunk')
    for network in (c.generator, c.discriminator):
        network.update(widths=[*widths], group_size=group_size, remat=False)
    if any('num_classes' in term for term in c.terms.values()):
        # Methods with a classifier have it in place of the classes of the logit.
        classes = 0
    if c.logit.fn == LOGIT:
        c.logit = dict(fn=f'{NETWORKS}.Logit', num_classes=classes)
    for optimizer in (c.optim.g, c.optim.d):
        optimizer.update(b1=0.0)
