"""DiffAugment in its own range of [-1, 1]."""

import numpy as np

from tests.augment.references.reading import each, uniform
from tests.augment.references.spatial import moved


def diffaugment_color(key, images, strength):
    def distort(image, added, saturation, contrast):
        image = image + added - 0.5  # of [-1, 1]
        mean = image.mean(axis=2, keepdims=True)
        image = (image - mean) * (2 * saturation) + mean
        return (image - image.mean()) * (0.5 + contrast) + image.mean()

    return each(distort, 2 * images - 1, *uniform(key, images, 3)) / 2 + 0.5


def diffaugment_translation(key, images, strength):
    most = np.floor(0.125 * np.array(images.shape[1:3]) + 0.5)[:, None]
    pixels = np.floor(uniform(key, images, 2) * (2 * most + 1)) - most
    black = each(lambda x, *by: moved(x, *by, 'constant'), 2 * images - 1, *pixels)
    return black / 2 + 0.5


def diffaugment_cutout(key, images, strength):
    def cut(image, *draws):
        hidden = []
        for size, draw in zip(image.shape[:2], draws, strict=True):
            side = int(0.5 * size + 0.5)
            centre = int(draw * (size + 1 - side % 2))
            hidden.append(np.clip(np.arange(side) + centre - side // 2, 0, size - 1))
        image = image.copy()
        image[np.ix_(*hidden)] = 0
        return image

    return each(cut, 2 * images - 1, *uniform(key, images, 2)) / 2 + 0.5
