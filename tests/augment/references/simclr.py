"""SimCLR's augmentation, put together from the references of its parts."""

import numpy as np

from gan_jax.keys import named
from tests.augment.references.reading import each, signed, uniform
from tests.augment.references.spatial import flip, resized
from tests.augment.references.tones import grayscale, saturate, stretch, turn_hue


def simclr(key, images, strength):
    images = flip(named(key, 'flip'), images, None)
    images = each(
        lambda x, *u: simclr_crop(x, strength, *u),
        images,
        *uniform(named(key, 'crop'), images, 4),
    )
    key = named(key, 'colours')
    (jittered,) = uniform(named(key, 'jittered'), images, 1)
    amounts = signed(named(key, 'jitter'), images, 4)
    images = each(lambda x, u, *a: jitter(x, *a) if u < 0.8 else x, images, jittered, *amounts)
    return grayscale(named(key, 'gray'), images, 0.2)


def simclr_crop(image, strength, area, aspect, top, left):
    height, width, _ = image.shape
    area = 1 - strength * area
    widest = min(4 / 3, 1 / area)
    aspect = widest ** (2 * aspect - 1)
    tall, wide = height * np.sqrt(area / aspect), width * np.sqrt(area * aspect)
    y, x = top * (height - tall), left * (width - wide)
    return resized(image, (y, x, y + tall, x + wide))


def jitter(image, brightness, contrast, saturation, turn):
    image = np.clip(image * (1 + 0.4 * brightness), 0, 1)
    image = np.clip(stretch(image, 1 + 0.4 * contrast), 0, 1)
    return turn_hue(saturate(image, 1 + 0.4 * saturation), 0.1 * turn)
