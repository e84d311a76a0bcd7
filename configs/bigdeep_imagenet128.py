"""BigGAN-deep on ImageNet at 128x128, conditional, hinge loss: Brock et al. 2018, arXiv 1809.11096.

    python -m gan_jax.prepare --dataset=imagenet --source=PATH --size=128 --data_dir=data
    python -m gan_jax.train --config=configs/bigdeep_imagenet128.py --workdir=workdirs/bigdeep

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md; the default
is `none`.

| FID / IS, 50,000 samples, FID against the 1,281,167 training images | FID | IS |
|---|---|---|
| the authors' published weights, as mmgeneration measured them | 5.95 | 107.2 |

The networks are compare_gan's, whose authors say that they reach the FID of the paper. The other
numbers are of StudioGAN's configuration BigGAN-Deep-2048: batch 2048, 200,000 steps of two
discriminator updates, learning rates 5e-5 and 2e-4, Adam's β 0 and 0.999, an average with 0.9999 a
step, mirrored images, no orthogonal regularisation; with it StudioGAN did not reach the paper's
FID. Its scores are of statistics of many batches: `--config.evaluate.batch_norm='standing(100)'`.
Batches of four parts: `--config.accumulate=4`. Measured by us: not yet, see docs/results.md.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

from gan_jax.experiment.base import base

BIGGAN = Path(__file__).with_name('cifar10_biggan.py')


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    c = base()
    c.batch_size, c.steps, c.d_steps = 2048, 200_000, 2
    c.data.update(name='imagenet', size=128)
    network = dict(widths=[2048, 2048, 1024, 512, 256, 128], attention=64)
    networks = ('gan_jax.models.biggan_deep', network, network)
    paper = dict(method='none', augment='translation', strength=0.4)
    runpy.run_path(str(BIGGAN))['with_networks'](c, text, 1000, networks, **paper)
    c.augment.real = c.augment.real or 'flip'
    c.optim.g.learning_rate, c.optim.d.learning_rate = 5e-5, 2e-4
    c.evaluate.update(metrics='fid50k_train', full='kid50k_train,is50k')
    return c
