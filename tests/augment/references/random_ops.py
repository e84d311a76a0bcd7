"""AugMix and RandAugment, image by image and op by op."""

import numpy as np

from tests.augment.references.reading import each, uniform
from tests.augment.references.spatial import moved

LUMA = np.array([0.299, 0.587, 0.114])


def blend(image, base, factor):
    return np.clip(base + factor * (image - base), 0, 1)


def changed(image, kind, amount, most):
    height, width, channels = image.shape
    if kind == 0:
        return moved(image, 0, np.round(most * amount * width))
    if kind == 1:
        return moved(image, np.round(most * amount * height), 0)
    factor = 1 + 0.9 * amount
    if kind == 2:
        return np.clip(factor * image, 0, 1)
    if kind == 3:
        return blend(image, image.mean(axis=(0, 1)), factor)
    if kind == 4 and channels == 3:
        return blend(image, (image @ LUMA)[..., None], factor)
    return image


def randaugment(key, images, strength):
    def change(image, *uniforms):
        for kind, sign in zip(uniforms[:2], uniforms[2:], strict=True):
            amount = -strength if sign < 0.5 else strength
            image = changed(image, int(6 * kind), amount, 150 / 331)
        return image

    return each(change, images, *uniform(key, images, 4))


def augmix(key, images, strength):
    def change(image, *uniforms):
        kinds, signs, levels = np.reshape(uniforms[:27], (3, 3, 3))  # [op, chain]
        first, second = sorted(uniforms[30:32])
        weights, share = [first, second - first, 1 - second], uniforms[32]
        mixture = np.zeros_like(image)
        for chain in range(3):
            x = image
            for i in range(1 + int(3 * uniforms[27 + chain])):
                level = strength / 30 + levels[i, chain] * (strength - strength / 30)
                amount = -level if signs[i, chain] < 0.5 else level
                x = changed(x, int(5 * kinds[i, chain]), amount, 1 / 3)
            mixture += weights[chain] * x
        return (1 - share) * image + share * mixture

    return each(change, images, *uniform(key, images, 33))
