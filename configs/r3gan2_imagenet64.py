"""R3GAN2 on ImageNet at 64x64, conditional: IFeelBloated/R3GAN2, which has no paper.

    python -m gan_jax.prepare --dataset=imagenet64 --source=DIR_OF_ARCHIVES --data_dir=data
    python -m gan_jax.train --config=configs/r3gan2_imagenet64.py --workdir=workdirs/r3gan2_imagenet

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md; the default
is R3GAN's (Huang et al. 2025, arXiv 2501.05441). No FID has been published; it is of 50,000 samples
against the 1,281,167 training images.

As r3gan2_imagenet32.py, but for γ 1 to 0.1, and a fourth size. All this is from the code; the
length of one billion images is R3GAN's. Measured by us: not yet, see docs/results.md.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

IMAGENET32 = Path(__file__).with_name('r3gan2_imagenet32.py')


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    c = runpy.run_path(str(IMAGENET32))['get_config'](text, gamma=1.0, sizes=4)
    c.data.update(name='imagenet64', size=64)
    return c
