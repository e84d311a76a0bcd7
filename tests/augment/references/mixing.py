"""References of the ops that mix images."""

import jax
import numpy as np

from gan_jax.keys import named
from tests.augment.references.reading import each, uniform
from tests.augment.references.spatial import with_box


def others(key, images):
    places = int(jax.random.randint(key, (), 1, len(images), np.int32))
    return np.stack([images[(i - places) % len(images)] for i in range(len(images))])


def cutmix(key, images, strength):
    other, strengths = others(named(key, 'partner'), images), np.full(len(images), strength)
    return each(with_box, images, other, strengths, *uniform(named(key, 'box'), images, 3))


def mixup(key, images, strength):
    other, (draw,) = others(named(key, 'partner'), images), uniform(named(key, 'amount'), images, 1)
    return each(lambda x, y, u: x + strength * u * (y - x), images, other, draw)
