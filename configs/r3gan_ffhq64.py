"""R3GAN on FFHQ at 64x64, unconditional: Huang et al. 2025, arXiv 2501.05441.

    python -m gan_jax.prepare --dataset=ffhq --source=DIR_OF_IMAGES --size=64 --data_dir=data
    python -m gan_jax.train --config=configs/r3gan_ffhq64.py --workdir=workdirs/r3gan_faces

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md; the default
is the paper's.

| FID, 50,000 samples against the 70,000 training images | |
|---|---|
| the paper, as pages about it quote | 1.95 |

As r3gan_cifar10.py, but for γ 2 to 0.2, the augmentation's p to 0.3, a half-life to 500,000 images,
batch 256, a fifth size of 384 channels, and bfloat16 in the four largest sizes. The length of 100
million images is ours. Measured by us: not yet, see docs/results.md.
"""

import runpy
from collections.abc import Sequence
from pathlib import Path

from ml_collections import ConfigDict

CIFAR10 = Path(__file__).with_name('r3gan_cifar10.py')


def get_config(
    text: str = '', *, gamma: float = 2.0, widths: Sequence[int] = (*(768,) * 4, 384)
) -> ConfigDict:
    """The arguments can follow the file name.

    Args:
        text: the arguments.
        gamma, widths: as in r3gan_cifar10.py.
    """
    get = runpy.run_path(str(CIFAR10))['get_config']
    c = get(text, classes=0, widths=widths, gamma=gamma, strength=0.3, halflife=5e5)
    c.batch_size, c.steps = 256, 390_625
    c.data.update(name='ffhq', size=64)
    c.evaluate.full = 'kid50k_train'
    return c
