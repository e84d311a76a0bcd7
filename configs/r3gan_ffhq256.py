"""R3GAN on FFHQ at 256x256, unconditional: Huang et al. 2025, arXiv 2501.05441.

    python -m gan_jax.prepare --dataset=ffhq --source=DIR_OF_IMAGES --size=256 --data_dir=data
    python -m gan_jax.train --config=configs/r3gan_ffhq256.py --workdir=workdirs/r3gan_faces

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md; the default
is the paper's.

| FID, 50,000 samples against the 70,000 training images | |
|---|---|
| the paper, as pages about it quote | 2.75 |

As r3gan_ffhq64.py, but for γ 150 to 15, and two sizes more, of 192 and 96 channels. Measured by us:
not yet, see docs/results.md.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

FFHQ64 = Path(__file__).with_name('r3gan_ffhq64.py')


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    get = runpy.run_path(str(FFHQ64))['get_config']
    c = get(text, gamma=150.0, widths=(*(768,) * 4, 384, 192, 96))
    c.data.size = 256
    return c
