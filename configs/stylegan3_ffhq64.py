"""StyleGAN3-T on FFHQ at 64x64, unconditional, with ADA: Karras et al. 2021, arXiv 2106.12423.

    python -m gan_jax.prepare --dataset=ffhq --source=PATH_OF_IMAGES --size=64 --data_dir=data
    python -m gan_jax.train --config=configs/stylegan3_ffhq64.py --workdir=workdirs/faces_shift

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md, with the
losses of stylegan2_cifar10.py, and by default `ada`.

The paper trains at 256 pixels and above. Networks and rates are the published code's defaults:
batch 32, 25 million images, mirrored at random, rates 0.0025 for G and 0.002 for D, Adam's β 0 and
0.99, which it scales for D alone (`lazy_adam` of stylegan2_cifar10.py), two layers in the mapping,
groups of 4, a half-life of 10,000 images, which is at most a twentieth of the images so far; no
path length and no mixed styles. Its maps of the four highest rates are in half precision:
`--config.dtype=bfloat16`. The means of squares in the generator forget half in 20,000 images at
batch 32: beside another `--config.batch_size` give `--config.generator.magnitude_decay`,
0.5 ** (batch / 20000). It advises R1 of γ 0.5 at 128 pixels and batch 32; a quarter of that, by the
square of the side, is ours. FID is of 50,000 samples against the 70,000 images. A step takes almost
four times the products of one of StyleGAN2's, see docs/results.md. Measured by us: not yet.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

CIFAR10 = Path(__file__).with_name('stylegan2_cifar10.py')
FFHQ256 = Path(__file__).with_name('stylegan2_ffhq256.py')


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    c = runpy.run_path(str(FFHQ256))['get_config'](text)
    c.batch_size, c.steps = 32, 781_250
    c.data.size = 64
    c.terms.penalty.weight = 0.125
    del c.terms.path_length
    with_stylegan3(c)
    c.generator.base = c.discriminator.base = 32_768
    c.discriminator.group = 4
    c.optim.g.update(learning_rate=0.0025, b2=0.99)  # without path length nothing is lazy in G
    c.optim.d.update(runpy.run_path(str(CIFAR10))['lazy_adam'](0.002, every=16))
    c.ema.update(halflife_images=10_000.0, ramp=0.05)
    return c


def with_stylegan3(c: ConfigDict) -> None:
    """Gives a config of StyleGAN2 the generator of StyleGAN3 in the place of its own."""
    kept = {name: c.generator[name] for name in ('num_classes', 'truncation', 'base', 'most')}
    c.generator = dict(
        fn='gan_jax.models.stylegan3.generator.Generator',
        layers=2,
        magnitude_decay=0.5 ** (c.batch_size / 20_000),
        **kept,
    )
