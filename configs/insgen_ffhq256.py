"""InsGen on FFHQ at 256x256, unconditional, with ADA: Yang et al. 2021, arXiv 2106.04566.

    python -m gan_jax.prepare --dataset=ffhq --source=PATH_OF_IMAGES --size=256 --data_dir=data
    python -m gan_jax.train --config=configs/insgen_ffhq256.py --workdir=workdirs/insgen

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md, with the
losses of stylegan2_cifar10.py. The default is `insgen`, whose views and whose discriminator's
images are augmented alike, with the p of ADA.

| FID of 50,000 samples, trained on | 2,000 images | 10,000 | 140,000 |
|---|---|---|---|
| the authors' published weights | 11.92 | 4.90 | 3.31 |

The 140,000 are the 70,000 images of FFHQ and their mirror images, which this config trains on.
10,000 are `--config.data.fraction=0.1428571 --config.terms.insgen.queue=1000`, with a queue of 5 %
of the images and their mirror images.

Everything else is as in stylegan2_ffhq256.py, as in the authors' command, half precision and the
scaling of Adam's numbers too; they recommend a γ below its 1 and give none, and for fewer than
5,000 images a p that rises linearly to 0.6, without ADA's controller. docs/differences.md and the
docstring of the term say where the step differs. Measured by us: not yet, see docs/results.md.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

FFHQ256 = Path(__file__).with_name('stylegan2_ffhq256.py')


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    get = runpy.run_path(str(FFHQ256))['get_config']
    c = get(f'method=insgen,augment=ada_bgc,{text}')
    if 'insgen' in c.terms:
        c.augment.critic = c.augment.view
        c.terms.insgen.queue = 7000  # 5 % of the images and their mirror images
        c.terms.ada = dict(fn='gan_jax.terms.ada.ada', images=500_000.0, weight=1.0)
    return c
