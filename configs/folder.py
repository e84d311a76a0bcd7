"""A GAN on images of your own, of any number and kind: docs/photos.md goes through it.

    python -m gan_jax.train --config=configs/folder.py:path=PHOTOS,size=64 --workdir=workdirs/photos
    python -m gan_jax.train --config=configs/folder.py --workdir=workdirs/tried

Arguments: path, a folder, zip, tar or npz of images, or the name of a data set that is prepared in
dir (by default $GAN_JAX_DATA, else data); size; background, for transparent images; flip, 1 or 0;
method, augment, strength, cntr_augment and cntr_strength as of digits.py. Methods are those of
docs/reference/methods.md. Without a path it trains on the package's digits, to try it.

The config looks at the number of images, their classes and the size, and chooses. Up to 128 pixels
SNDCGAN, whose sizes are multiples of 8, with half the channels below 2,000 images; above StyleGAN2
of a power of two. Batches of 16 below 200 images, of 32 below 2,000, else of 64. DiffAugment below
10,000 images, else bCR; for StyleGAN2 ADA. Images are mirrored at random. Where there is no split
test, a tenth of the images is held out. No metric needs a download: `kd1k` in the features of a
classifier that is trained on the classes, or without classes in those of a SimCLR. No paper has
these settings, and none is tuned.
"""

import os
import runpy
from pathlib import Path

from ml_collections import ConfigDict

from gan_jax import data
from gan_jax.experiment.arguments import arguments
from gan_jax.experiment.base import base
from gan_jax.experiment.presets import blocks_of
from gan_jax.runtime.nearest import nearest

STYLEGAN2 = Path(__file__).with_name('stylegan2_cifar10.py')
LARGE = 128  # pixels: StyleGAN2 above
METHODS = dict(method='', augment='translation', strength=0.1, cntr_augment='', cntr_strength=0.5)


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    asked = arguments(text, **METHODS, path='digits', dir='', size=0, background='', flip=1)
    name, folder = place_of(asked['path'], asked['dir'])
    there = data.overview(name, folder)
    if there is None:
        refuse_unknown(name, folder)
    if there is None or 'train' not in there.counts:
        data.load(name, folder)  # which says what there is, and how it is prepared
    size = asked['size'] or (16 if name in data.READERS else 64)
    small = size <= LARGE
    if size % 8 if small else size & (size - 1):
        raise ValueError(
            f'size is {size}: give a multiple of 8 up to {LARGE}, or a power of two above'
        )
    count, test, held_out = there.counts['train'], there.counts.get('test', 0), 0.0
    if not test:
        if count < 3:
            raise ValueError(f'{asked["path"]} holds {count} images to train on: give at least 3')
        held_out = 0.1
        test = data.share_of(count, held_out)
        count -= test

    c = base()
    c.data.update(name=name, dir=asked['dir'], size=size, background=asked['background'])
    c.data.held_out = held_out
    c.batch_size = max(2, min(count, 16 if count < 200 else 32 if count < 2000 else 64))
    usual = ('diffaugment' if count < 10_000 else 'bcr') if small else 'ada'
    asked['method'] = asked['method'] or usual
    c.update(blocks_of(asked, num_classes=there.num_classes))
    networks(c, small, count)
    if asked['flip'] and name not in data.READERS:  # a mirrored digit is none
        c.augment.real = f'flip|{c.augment.real}'.rstrip('|')
    measures(c, test, there.num_classes)
    return c


def place_of(path: str, folder: str) -> tuple[str, str | None]:
    """The name or path of a data set and the folder of prepared ones; a name goes first."""
    known = path in data.READERS or (data.folder_of(folder) / path / 'train').is_dir()
    if not known and not data.is_path(path) and os.path.exists(path):
        path = f'./{path}'
    return path, folder or None


def refuse_unknown(name: str, folder: str | None) -> None:
    """Raises ValueError for a name that is neither a folder here nor a data set that is known."""
    if data.is_path(name) or name in data.names():
        return
    root = data.folder_of(folder)
    folders = sorted(place.name for place in Path().iterdir() if place.is_dir())
    known = [*(one for one in folders if not one.startswith('.')), *data.prepared_in(root)]
    raise ValueError(
        f"there is no folder or file {name} here, and there is no data set '{name}' in {root}"
        f'{nearest(name, known)}; one that is prepared elsewhere is found by dir=FOLDER'
    )


def networks(c: ConfigDict, small: bool, count: int) -> None:
    """Networks and rates, and what a method's pace depends on: the number of images."""
    c.steps = 20_000 if small else 100_000
    c.ema.halflife_images = 10_000.0
    if small:
        c.generator.width = c.discriminator.width = 0.5 if count < 2000 else 1.0
    else:
        c.latent.dim = 512
        runpy.run_path(str(STYLEGAN2))['with_stylegan2'](c, 0)
        c.generator.base = c.discriminator.base = 16_384
        c.discriminator.update(architecture='resnet', group=min(8, c.batch_size))
        c.terms.penalty.weight = 1.0
    for name in {'ada', 'apa'} & {*c.terms}:
        c.terms[name].images = 50_000.0  # the papers' 500,000 are for millions of images
    if 'insgen' in c.terms:
        c.terms.insgen.queue = max(c.batch_size, count // 20)  # the paper's share
    if 'size' in c.terms.adversarial:
        c.terms.adversarial.size = c.latent.dim


def measures(c: ConfigDict, test: int, num_classes: int) -> None:
    """Metrics that need no weights from elsewhere, and how often they and pictures are due."""
    split = 'test' if test >= 1000 else 'train'  # a tenth of few images is too few to compare with
    features = 'classifier' if num_classes > 1 else 'simclr'
    c.evaluate.update(metrics=f'kd1k_{split}@{features},overfitting', full='', num=1000)
    reads_more = c.logit.fn.endswith(('PairLogit', 'InstanceLogit'))  # than an image
    if reads_more or test < 2:  # `overfitting` compares means and standard deviations
        c.evaluate.metrics = f'kd1k_{split}@{features}'
    c.every.update(log=50, sample=500, evaluate=1000, full=10_000, checkpoint=500, snapshot=1000)
