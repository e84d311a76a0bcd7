"""R3GAN on ImageNet at 64x64, conditional: Huang et al. 2025, arXiv 2501.05441.

    python -m gan_jax.prepare --dataset=imagenet64 --source=DIR_OF_ARCHIVES --data_dir=data
    python -m gan_jax.train --config=configs/r3gan_imagenet64.py --workdir=workdirs/r3gan_imagenet

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md; the default
is the paper's.

| FID, 50,000 samples against the 1,281,167 training images | |
|---|---|
| the paper, as pages about it quote | 2.09 |

As r3gan_imagenet32.py, but for γ 1 to 0.1, the augmentation's p to 0.4, and a fifth size, with
bfloat16 in the four largest. Measured by us: not yet, see docs/results.md.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

IMAGENET32 = Path(__file__).with_name('r3gan_imagenet32.py')


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    get = runpy.run_path(str(IMAGENET32))['get_config']
    c = get(text, gamma=1.0, strength=0.4, sizes=5)
    c.data.update(name='imagenet64', size=64)
    return c
