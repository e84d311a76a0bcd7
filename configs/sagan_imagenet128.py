"""SAGAN on ImageNet at 128x128, conditional, hinge loss: Zhang et al. 2018, arXiv 1805.08318.

    python -m gan_jax.prepare --dataset=imagenet --source=PATH --size=128 --data_dir=data
    python -m gan_jax.train --config=configs/sagan_imagenet128.py --workdir=workdirs/sagan

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md; the default
is `none`.

| ImageNet, 128x128 | FID | IS |
|---|---|---|
| the paper | 18.65 | 52.52 |
| mmgeneration, the checkpoint of the best FID | 34.78 | 28.49 |

Batch 256, one million steps of one discriminator update, learning rates 1e-4 and 4e-4 and Adam's
β of (0, 0.999) are of the authors' code; self-attention at 64 pixels and an average with 0.9999 a
step of BigGAN-PyTorch's script, which has no scores. The authors' code has no average. StudioGAN
says that it does not reach the paper's scores, mmgeneration follows it. Measured by us: not yet,
see docs/results.md.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

from gan_jax.experiment.base import base

BIGGAN = Path(__file__).with_name('cifar10_biggan.py')


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    c = base()
    c.batch_size, c.steps = 256, 1_000_000
    c.data.update(name='imagenet', size=128)
    shared = dict(channels=64, initializer='glorot')
    generator = dict(shared=0, hierarchical=False, **shared)
    networks = ('gan_jax.models.biggan', generator, dict(compare_gan=False, **shared))
    paper = dict(method='none', augment='translation', strength=0.4)
    runpy.run_path(str(BIGGAN))['with_networks'](c, text, 1000, networks, **paper)
    c.optim.g.learning_rate, c.optim.d.learning_rate = 1e-4, 4e-4
    c.evaluate.update(metrics='fid50k_train', full='kid50k_train,is50k')
    return c
