"""R3GAN2 on ImageNet at 32x32, conditional: IFeelBloated/R3GAN2, which has no paper.

    python -m gan_jax.prepare --dataset=imagenet32 --source=DIR_OF_ARCHIVES --data_dir=data
    python -m gan_jax.train --config=configs/r3gan2_imagenet32.py --workdir=workdirs/r3gan2_imagenet

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md; the default
is R3GAN's (Huang et al. 2025, arXiv 2501.05441). No FID has been published; it is of 50,000 samples
against the 1,281,167 training images.

As r3gan2_cifar10.py, but for twice the channels, γ 0.5 to 0.05, the augmentation's p to 0.4, batch
4096, and schedules of 200 million images. Both learning rates go from 0.01 to 0.001 along half a
cosine, and to 0.001 √(200 million / t) after t images. All this is from the code; the length of one
billion images is R3GAN's. Measured by us: not yet, see docs/results.md.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

CIFAR10 = Path(__file__).with_name('r3gan2_cifar10.py')


def get_config(text: str = '', gamma: float = 0.5, sizes: int = 3) -> ConfigDict:
    """The arguments can follow the file name."""
    get = runpy.run_path(str(CIFAR10))['get_config']
    numbers = dict(gamma=gamma, strength=0.4, images=2e8, cosine_rate=True)
    c = get(text, classes=1000, widths=(1024,) * sizes, **numbers)
    c.batch_size, c.steps = 4096, 244_140
    c.data.name = 'imagenet32'
    return c
