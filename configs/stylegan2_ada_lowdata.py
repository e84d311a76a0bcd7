"""StyleGAN2 with ADA on a tenth of CIFAR-10, unconditional: arXiv 2006.06676.

    python -m gan_jax.prepare --dataset=cifar10 --data_dir=data
    python -m gan_jax.train --config=configs/stylegan2_ada_lowdata.py --workdir=workdirs/lowdata

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md, with the
losses of stylegan2_cifar10.py. The default is `ada`; `method=none` and `method=diffaugment` are
beside it in the paper of DiffAugment (Zhao et al. 2020, arXiv 2006.10738):

| FID, 10,000 samples against the 10,000 test images | all | 20 % | 10 % |
|---|---|---|---|
| StyleGAN2 | 11.07 | 23.08 | 36.02 |
| StyleGAN2 with DiffAugment | 9.89 | 12.15 | 14.50 |

Fewer images: `--config.data.fraction=0.2`. As there images are mirrored at random, and 25 million
are seen; everything else is as in stylegan2_cifar10.py. DiffAugment's code has batch 32, γ 0.1, a
half-life of a million images and fewer channels. Measured by us: not yet, see docs/results.md.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

CIFAR10 = Path(__file__).with_name('stylegan2_cifar10.py')


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    c = runpy.run_path(str(CIFAR10))['get_config'](text, conditional=False)
    c.steps = 390_625
    c.data.fraction = 0.1
    c.augment.real = c.augment.real or 'flip'
    c.evaluate.update(metrics='fid10k_test', full='fid50k_train,is50k')
    return c
