"""StyleGAN2 on FFHQ at 256x256, unconditional, with ADA: Karras et al. 2020, arXiv 2006.06676.

    python -m gan_jax.prepare --dataset=ffhq --source=PATH_OF_IMAGES --size=256 --data_dir=data
    python -m gan_jax.train --config=configs/stylegan2_ffhq256.py --workdir=workdirs/faces256

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md, with the
losses of stylegan2_cifar10.py, and by default `ada`.

Everything is their configuration 'paper256': batch 64, 25 million images, mirrored at random,
Adam's numbers as in stylegan2_cifar10.py, R1 of γ 1 every 16th step, path length regularisation
with weight 2 every 4th, nine of ten batches with mixed styles, a half-life of 20,000 images, eight
layers in the mapping, half the channels of StyleGAN2's largest network above 64 pixels, groups of
8. Their code computes the maps of the four largest sizes in half precision:
`--config.dtype=bfloat16`. FID is of 50,000 samples against the 70,000 images. Their configuration
'auto' is stylegan2_auto.py. Measured by us: not yet, see docs/results.md.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

CIFAR10 = Path(__file__).with_name('stylegan2_cifar10.py')


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    c = runpy.run_path(str(CIFAR10))['get_config'](text, num_classes=0, conditional=False)
    c.steps = 390_625
    c.data.update(name='ffhq', size=256)
    c.augment.real = c.augment.real or 'flip'
    c.terms.penalty.weight = 1.0
    c.terms.path_length = dict(fn='gan_jax.terms.path_length.path_length', weight=2.0, every=4)
    c.generator.update(layers=8, base=16_384, mixing=0.9)
    c.discriminator.update(architecture='resnet', base=16_384, group=8)
    c.ema.update(halflife_images=20_000.0, ramp=1e30)  # no ramp
    c.evaluate.full = 'kid50k_train'
    return c
