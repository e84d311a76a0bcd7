r"""R3GAN2 on ImageNet at 256x256 in the codes of an autoencoder, conditional.

    python -m gan_jax.prepare --dataset=imagenet --source=DIR_OF_ARCHIVES --size=256 \
        --data_dir=data --encode=my_package.vae
    python -m gan_jax.train --config=configs/r3gan2_imagenet256_latent.py --workdir=workdirs/codes \
        --config.data.autoencoder.fn=my_package.vae

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md; the default
is R3GAN's (Huang et al. 2025, arXiv 2501.05441), as in r3gan2_cifar10.py; DiffAugment and ADA leave
colours out. There is no paper. The numbers are those of the preset ImageNet-Ablation in
R3GAN2-team/R3GAN2-ablation (train.py, commit 1cafbc8), where the autoencoder of FLUX.2 makes codes
of 32x32x32. Here the autoencoder is a function of your own, my_package.vae above (docs/data.md);
codes of 32x32 with other channels will do. The default, `gan_jax.data.cosines`, is not trained: it
shows that the config runs, no more.

Widths of 512 at 8, 16 and 32 pixels, four blocks each, latents of 64 numbers, batch 4096, β1 0, β2
0.9 throughout. Over the first 100 million images γ goes from 5 to 0.5, and the augmentation's p
from 0 to 0.3, along half a cosine. Both learning rates after t images are 0.005 min(t / 10 million,
1) / √max(t / 286.72 million, 1), where 286.72 million images are 70,000 batches. Averages of the
relative standard deviations 0.05, 0.1, 0.2 and 0.3, of which the second is evaluated, and of which
others can be made afterwards. No training image is mirrored. The length of one billion images is
R3GAN's; the code sets no end.

What differs from that code. Its D multiplies the logits by a number that it learns, 1 at first, and
gives them a second time for R1 and R2, which do not train that number; our D has no such number,
and R1 and R2 read its logits. Its augmentation shifts, scales, turns, stretches and cuts out; our
`ada_bg` mirrors too, with the chance p/2, and our cutout leaves 1/2, the mean of all codes, where
its leaves noise. It draws a code anew at each use, with the autoencoder's variance; ours are the
means, 84 GB in float16. Its layers by R3GAN's initialisation, with L1 norms or with spectral norms
are not here. docs/differences.md has the rest.

No FID has been published; it is of 50,000 decoded samples against the 1,281,167 training images.
Measured by us: not yet, see docs/results.md.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

from gan_jax.experiment.presets import OWN

CIFAR10 = Path(__file__).with_name('r3gan2_cifar10.py')
AUGMENT = 'ada_bg|p(diffaugment_cutout)'
# The augmentations that methods bring themselves, without colours, which codes have not.
WITHOUT_COLOURS = {
    OWN['diffaugment']: 'diffaugment_translation|diffaugment_cutout',
    OWN['ada']: 'ada_bg',
}


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    get = runpy.run_path(str(CIFAR10))['get_config']
    c = get(text, classes=1000, gamma=5.0, augment=AUGMENT, strength=0.3, images=1e8)
    c.batch_size, c.steps = 4096, 244_140
    c.data.update(name='imagenet', size=256)
    c.data.autoencoder = dict(fn='gan_jax.data.cosines.cosines')
    c.augment.critic = WITHOUT_COLOURS.get(c.augment.critic, c.augment.critic)
    if 'r2' in c.terms:
        c.augment.real = ''
    p = c.augment.strength
    c.augment.probability = p.to_dict() if isinstance(p, ConfigDict) else p  # of the cutout
    rate = dict(fn='gan_jax.schedules.inverse_root', peak=0.005, unit='images')
    rate.update(ramp=1e7, over=70_000.0 * c.batch_size)
    for optimizer in (c.optim.g, c.optim.d):
        optimizer.learning_rate, optimizer.b2 = dict(rate), 0.9
    stds = dict(short=0.05, middle=0.1, long=0.2, longest=0.3)
    c.averages.update({name: dict(std=std) for name, std in stds.items()})
    return c
