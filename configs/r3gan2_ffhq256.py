"""R3GAN2 on FFHQ at 256x256, unconditional: IFeelBloated/R3GAN2, which has no paper.

    python -m gan_jax.prepare --dataset=ffhq --source=DIR_OF_IMAGES --size=256 --data_dir=data
    python -m gan_jax.train --config=configs/r3gan2_ffhq256.py --workdir=workdirs/r3gan2_faces

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md; the default
is R3GAN's (Huang et al. 2025, arXiv 2501.05441). No FID has been published; it is of 50,000 samples
against the 70,000 training images.

As r3gan2_ffhq64.py, but for γ 150 to 15, and two sizes more, of 256 and 128 channels. All this is
from the code; the length of 100 million images is ours. Measured by us: not yet, see
docs/results.md.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

CIFAR10 = Path(__file__).with_name('r3gan2_cifar10.py')


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    get = runpy.run_path(str(CIFAR10))['get_config']
    numbers = dict(gamma=150.0, strength=0.3, cosine_rate=True)
    c = get(text, classes=0, widths=(*(512,) * 4, 256, 128), **numbers)
    c.batch_size, c.steps = 256, 390_625
    c.data.update(name='ffhq', size=256)
    c.evaluate.full = 'kid50k_train'
    return c
