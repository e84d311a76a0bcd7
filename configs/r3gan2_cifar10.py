"""R3GAN2 on CIFAR-10, conditional: the code IFeelBloated/R3GAN2, which has no paper.

    python -m gan_jax.prepare --dataset=cifar10 --data_dir=data
    python -m gan_jax.train --config=configs/r3gan2_cifar10.py --workdir=workdirs/r3gan2

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md. The default
is R3GAN's (Huang et al. 2025, arXiv 2501.05441), with one draw of the augmentation for image i of
reals and fakes. With every method all kernels are stored normalised after each update.

No FID has been published. Over the first 20 million images these go from start to end along half a
cosine: β2 0.9 to 0.99, γ 0.05 to 0.005, the augmentation's p 0 to 0.55. Both learning rates after t
images are 0.01 min(t / 1,000,000, 1) / √max(t / 512,000, 1): they rise to 0.0072 at a million, then
fall with the root of t, and never are 0.01. Batch 512, β1 0, images mirrored at random, bfloat16
from 8 pixels on. Averages of the relative standard deviations 0.01, 0.05 and 0.1, of which the
second is evaluated, and of which others can be made afterwards. All this is from the code; the
length of 250 million images is R3GAN's. docs/differences.md says what is different. Measured by us:
not yet, see docs/results.md.
"""

from collections.abc import Sequence
from typing import Any

from ml_collections import ConfigDict

from gan_jax.experiment.base import base
from gan_jax.experiment.presets import blocks

LOGIT = 'gan_jax.models.critic.Logit'  # of a method that brings none of its own
NETWORKS = 'gan_jax.models.r3gan2'


def get_config(
    text: str = '',
    *,
    classes: int = 10,
    widths: Sequence[int] = (512,) * 3,
    gamma: float = 0.05,
    augment: str = 'ada_r3gan',
    strength: float = 0.55,
    images: float = 2e7,
    cosine_rate: bool = False,
) -> ConfigDict:
    """The arguments can follow the file name.

    Args:
        text: the arguments.
        classes: of the data, 0 without labels.
        widths: of both networks.
        gamma: of R1 and R2 at the start; a tenth of it at the end.
        augment: the augmentation.
        strength: of the augmentation at the end.
        images: the length of all schedules.
        cosine_rate: whether both learning rates go along half a cosine of that length, from 0.01 to
            0.001, and then fall with the root of the images, and do not rise at the start.
    """

    def half_cosine(start: float, end: float, fn: str = 'cosine') -> dict[str, Any]:
        numbers = dict(start=start, end=end, over=images, unit='images')
        return dict(fn=f'gan_jax.schedules.{fn}', **numbers)

    c = base()
    c.batch_size, c.steps, c.dtype = 512, 488_281, 'bfloat16'
    c.latent.dim = 64
    code = dict(method='r3gan', augment=augment, strength=strength)
    c.update(blocks(text, conditional=classes > 0, num_classes=classes, **code))
    if 'r2' in c.terms:
        c.augment.update(real='flip', shared=True)
        c.augment.strength = half_cosine(0.0, c.augment.strength)
        c.terms.r1.weight = half_cosine(gamma, gamma / 10)
        c.terms.r2.weight = half_cosine(gamma, gamma / 10)
    if 'size' in c.terms.adversarial:
        c.terms.adversarial.size = c.latent.dim
    with_r3gan2(c, classes, widths=widths, group_size=32, blocks_of_size=4)
    if classes and not c.logit.fn.startswith(NETWORKS):
        c.logit.num_classes = classes
    rate = dict(fn='gan_jax.schedules.inverse_root', peak=0.01, ramp=1e6, over=512e3, unit='images')
    rate = half_cosine(0.01, 0.001, 'cosine_root') if cosine_rate else rate
    for optimizer in (c.optim.g, c.optim.d):
        optimizer.learning_rate, optimizer.b2 = dict(rate), half_cosine(0.9, 0.99)
    stds = dict(short=0.01, middle=0.05, long=0.1)
    c.averages.update({name: dict(std=std) for name, std in stds.items()})
    c.evaluate.update(metrics='fid50k_train', full='kid50k_train,is50k', weights='middle')
    return c


def with_r3gan2(
    c: ConfigDict,
    classes: int,
    widths: Sequence[int],
    group_size: int,
    blocks_of_size: int,
) -> None:
    """Gives a config with the blocks of a method the networks, and the constraint on their kernels.

    Args:
        c: the config.
        classes: of the generator, and of the logit if the method brings none.
        widths: of both networks.
        group_size: of both networks.
        blocks_of_size: blocks of both networks at each size.
    """
    c.generator = dict(fn=f'{NETWORKS}.generator.Generator', num_classes=classes)
    c.discriminator = dict(fn=f'{NETWORKS}.discriminator.Trunk')
    for network in (c.generator, c.discriminator):
        network.update(widths=[*widths], group_size=group_size, blocks=blocks_of_size)
        network.update(attention=[], head_size=64)
    if any('num_classes' in term for term in c.terms.values()):
        # Methods with a classifier have it in place of the classes of the logit.
        classes = 0
    if c.logit.fn == LOGIT:
        c.logit = dict(fn=f'{NETWORKS}.discriminator.Logit', num_classes=classes)
    c.terms.norm = dict(fn='gan_jax.terms.forced_norm.forced_norm', weight=1.0)
    for optimizer in (c.optim.g, c.optim.d):
        optimizer.update(b1=0.0)
