"""R3GAN on ImageNet at 32x32, conditional: Huang et al. 2025, arXiv 2501.05441.

    python -m gan_jax.prepare --dataset=imagenet32 --source=DIR_OF_ARCHIVES --data_dir=data
    python -m gan_jax.train --config=configs/r3gan_imagenet32.py --workdir=workdirs/r3gan_imagenet

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md; the default
is the paper's.

| FID, 50,000 samples against the 1,281,167 training images | |
|---|---|
| the paper, as pages about it quote | 1.27 |

As r3gan_cifar10.py, but for twice the channels, also in a group, γ 0.5 to 0.05, the augmentation's
p to 0.5, a half-life to 50 million images, batch 4096, schedules of 200 million images, and a
length of one billion. Measured by us: not yet, see docs/results.md.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

CIFAR10 = Path(__file__).with_name('r3gan_cifar10.py')


def get_config(
    text: str = '', *, gamma: float = 0.5, strength: float = 0.5, sizes: int = 4
) -> ConfigDict:
    """The arguments can follow the file name.

    Args:
        text: the arguments.
        gamma, strength: as in r3gan_cifar10.py.
        sizes: of both networks, from 4 pixels on.
    """
    get = runpy.run_path(str(CIFAR10))['get_config']
    numbers = dict(gamma=gamma, strength=strength, images=2e8, halflife=5e7)
    c = get(text, classes=1000, widths=(1536,) * sizes, group_size=32, **numbers)
    c.batch_size, c.steps = 4096, 244_140
    c.data.name = 'imagenet32'
    return c
