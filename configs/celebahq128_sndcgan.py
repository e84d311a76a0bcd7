"""SNDCGAN on CelebA-HQ at 128x128, unconditional: the face rows beside Zhao et al. 2020.

    python -m gan_jax.prepare --dataset=celeb_a_hq --source=DIR_OF_IMAGES --size=128 --data_dir=data
    python -m gan_jax.train --config=configs/celebahq128_sndcgan.py --workdir=workdirs/faces

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md.

| FID, 3,000 samples against 3,000 test images | W/O | CR | ICR |
|---|---|---|---|
| "Improved Consistency Regularization" (arXiv 2002.04724) | 25.95 | 16.97 | 15.43 |

Batch, steps, rates and the non-saturating loss are those of compare_gan's SNDCGAN config for this
data set. Measured by us: not yet, see docs/results.md.
"""

from ml_collections import ConfigDict

from gan_jax.experiment.base import base
from gan_jax.experiment.presets import blocks


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    c = base()
    c.steps = 100_000
    c.data.update(name='celeb_a_hq', size=128)
    c.logit.initializer = 'normal'
    c.update(blocks(text, method='bcr', augment='zoom_out', strength=0.4))
    if c.terms.adversarial.fn == 'gan_jax.terms.adversarial.hinge':
        c.terms.adversarial.fn = 'gan_jax.terms.adversarial.non_saturating'
    c.evaluate.update(metrics='fid3k_test', full='kid3k_test', num=3000)
    return c
