"""StyleGAN2 with ADA on images of any size: the configuration 'auto' of arXiv 2006.06676's code.

    python -m gan_jax.train --config=configs/stylegan2_auto.py --workdir=workdirs/auto
    python -m gan_jax.train --config=configs/stylegan2_auto.py:path=PHOTOS,size=256 --workdir=DIR

Arguments: path and dir as of folder.py, by default CIFAR-10; size, a power of two from 8 to 1,024;
devices, a power of two; and those of cifar10_sndcgan.py. Methods are those of
docs/reference/methods.md, with the losses of stylegan2_cifar10.py, and by default `ada`.

Numbers follow from the side of an image and the number of devices n (Karras et al. 2020): batch
max(min(n · min(4096 / side, 32), 64), n), R1 of γ 0.0002 · side² / batch, groups of at most 4
images that one device has, half the channels of StyleGAN2's largest network below 512 pixels, a
learning rate of 0.0025, from 1,024 pixels on 0.002, with Adam's numbers scaled as in
stylegan2_cifar10.py, a half-life of 10/32 thousand images for each of the batch, which is at most a
twentieth of the images so far. As in stylegan2_ffhq256.py there are 25 million images, path length
and mixed styles; the mapping has two layers.

| side | 32 | 64 | 128 | 256 | 512 | 1,024 |
|---|---|---|---|---|---|---|
| batch, γ on one device | 32, 0.0064 | 32, 0.0256 | 32, 0.102 | 16, 0.819 | 8, 6.55 | 4, 52.4 |
| on eight | 64, 0.0032 | 64, 0.0128 | 64, 0.0512 | 64, 0.205 | 64, 0.819 | 32, 6.55 |

As there by default, networks are told no class (`--config.generator.num_classes=10
--config.logit.num_classes=10`) and nothing is mirrored (`--config.augment.real=flip`). Their code
computes the maps of the four largest sizes in half precision: `--config.dtype=bfloat16`. `devices`
sets these numbers alone; a run divides its batch among those that it finds. Measured by us: not
yet, see docs/results.md.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

from gan_jax import data
from gan_jax.experiment.arguments import arguments
from gan_jax.experiment.base import base
from gan_jax.experiment.presets import blocks_of

CIFAR10 = Path(__file__).with_name('stylegan2_cifar10.py')
FOLDER = Path(__file__).with_name('folder.py')
METHODS = dict(
    method='ada', augment='translation', strength=0.4, cntr_augment='', cntr_strength=0.5
)
SMALLEST, LARGEST = 8, 1024
IMAGES = 25_000_000  # of a run


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    asked = arguments(text, **METHODS, path='cifar10', dir='', size=32, devices=1)
    size, devices = asked['size'], asked['devices']
    if size not in range(SMALLEST, LARGEST + 1) or size & (size - 1):
        raise ValueError(f'size is {size}: give a power of two from {SMALLEST} to {LARGEST}')
    if devices < 1 or devices & (devices - 1):
        raise ValueError(f'devices is {devices}: give a power of two, such as 1 or 8')

    c = base()
    name, folder = runpy.run_path(str(FOLDER))['place_of'](asked['path'], asked['dir'])
    c.data.update(name=name, dir=asked['dir'], size=size)
    there = data.overview(name, folder) or data.outline(name, size)
    there = there or data.load(name, folder)  # which says what there is, and how it is prepared
    c.update(blocks_of(asked, num_classes=there.num_classes))
    with_auto(c, size, devices)
    return c


def with_auto(c: ConfigDict, size: int, devices: int) -> None:
    """Gives a config with the blocks of a method the networks and numbers of 'auto'.

    Args:
        c: the config.
        size: side of an image.
        devices: that share a batch.
    """
    batch = max(min(devices * min(4096 // size, 32), 64), devices)
    c.batch_size, c.steps, c.latent.dim = batch, IMAGES // batch, 512
    rate = 0.002 if size >= 1024 else 0.0025
    runpy.run_path(str(CIFAR10))['with_stylegan2'](c, 0, rate)
    c.terms.penalty.weight = 0.0002 * size**2 / batch
    c.terms.path_length = dict(fn='gan_jax.terms.path_length.path_length', weight=2.0, every=4)
    base = 32_768 if size >= 512 else 16_384
    c.generator.update(base=base, mixing=0.9)
    group = min(batch // devices, 4)
    c.discriminator.update(architecture='resnet', base=base, group=group)
    c.ema.update(halflife_images=1000.0 * batch * 10 / 32, ramp=0.05)
    if 'size' in c.terms.adversarial:
        c.terms.adversarial.size = c.latent.dim
    c.evaluate.update(metrics='fid50k_train', full='kid50k_train')
