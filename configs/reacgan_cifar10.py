"""ReACGAN on CIFAR-10, conditional, hinge loss and D2D-CE: Kang et al. 2021, arXiv 2111.01118.

    python -m gan_jax.prepare --dataset=cifar10 --data_dir=data
    python -m gan_jax.train --config=configs/reacgan_cifar10.py --workdir=workdirs/reacgan

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md; the default
is `reacgan`, and `method=none` is the BigGAN beside it.

| StudioGAN's scores | FID | IS | FID, BigGAN |
|---|---|---|---|
| of 2021, 10,000 samples against the 10,000 test images | 7.79 | 9.97 | 8.03 |
| of 2023, 50,000 samples against the 50,000 training images | 3.87 | 9.85 | 4.16 |

Everything is StudioGAN's configuration, which the paper's authors wrote: its BigGAN with latents of
80 numbers, batch 128, 100,000 steps of five discriminator updates, both learning rates 2e-4 times
the root of two, Adam's β of (0.5, 0.999), an average with 0.9999 a step, mirrored images; D2D-CE
with weight 0.5, temperature 0.5, margin 0.98, embeddings of 512 numbers. Its scores are of
statistics of many batches: `--config.evaluate.batch_norm='standing(100)'`. Its BigGAN has learning
rates 2e-4 and batch 64. Measured by us: not yet, see docs/results.md.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

from gan_jax.experiment.base import base

BIGGAN = Path(__file__).with_name('cifar10_biggan.py')


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    c = base()
    c.batch_size, c.steps, c.d_steps = 128, 100_000, 5
    c.latent.dim = 80
    networks = ('gan_jax.models.biggan', dict(channels=96), dict(channels=96, compare_gan=False))
    paper = dict(method='reacgan', augment='translation', strength=0.4)
    runpy.run_path(str(BIGGAN))['with_networks'](c, text, 10, networks, **paper)
    c.augment.real = c.augment.real or 'flip'
    for optimizer in (c.optim.g, c.optim.d):
        optimizer.update(learning_rate=2.828e-4, b1=0.5)
    c.evaluate.update(metrics='fid50k_train', full='kid50k_train,is50k')
    return c
