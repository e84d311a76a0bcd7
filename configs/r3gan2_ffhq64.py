"""R3GAN2 on FFHQ at 64x64, unconditional: IFeelBloated/R3GAN2, which has no paper.

    python -m gan_jax.prepare --dataset=ffhq --source=DIR_OF_IMAGES --size=64 --data_dir=data
    python -m gan_jax.train --config=configs/r3gan2_ffhq64.py --workdir=workdirs/r3gan2_faces

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md; the default
is R3GAN's (Huang et al. 2025, arXiv 2501.05441). No FID has been published; it is of 50,000 samples
against the 70,000 training images.

As r3gan2_cifar10.py, but for γ 2 to 0.2, the augmentation's p to 0.3, batch 256, and a fourth size.
Both learning rates go from 0.01 to 0.001 along half a cosine of 20 million images, and to 0.001
√(20 million / t) after t images. All this is from the code; the length of 100 million images is
ours. Measured by us: not yet, see docs/results.md.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

CIFAR10 = Path(__file__).with_name('r3gan2_cifar10.py')


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    get = runpy.run_path(str(CIFAR10))['get_config']
    numbers = dict(gamma=2.0, strength=0.3, cosine_rate=True)
    c = get(text, classes=0, widths=(512,) * 4, **numbers)
    c.batch_size, c.steps = 256, 390_625
    c.data.update(name='ffhq', size=64)
    c.evaluate.full = 'kid50k_train'
    return c
