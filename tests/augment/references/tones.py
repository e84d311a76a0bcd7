"""Brightness, colour, noise and blur, by dm_pix, SciPy or as printed."""

import dm_pix
import jax
import numpy as np
from scipy import ndimage

from tests.augment.references.reading import each, signed, uniform

LUMA = np.array([0.299, 0.587, 0.114])
TO_YIQ = np.array([LUMA, [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])


def brightness(key, images, strength):
    amount = strength * signed(key, images, 1)
    return np.clip(each(brighten, images, *amount), 0, 1)


def brighten(image, amount):
    return np.asarray(dm_pix.adjust_brightness(image.astype(np.float32), amount))


def stretch(image, factor):
    return np.asarray(dm_pix.adjust_contrast(image.astype(np.float32), factor))


def tinted(channel):
    def tint(key, images, strength):
        images = images.copy()
        if images.shape[3] == 3:
            images[..., channel] += strength * signed(key, images, 1)[0][:, None, None]
        return np.clip(images, 0, 1)

    return tint


redness, greenness, blueness = (tinted(channel) for channel in range(3))


def contrast(key, images, strength):
    factor = 1 + strength * signed(key, images, 1)
    return np.clip(each(stretch, images, *factor), 0, 1)


def gray(image):
    return (image @ LUMA)[..., None].repeat(3, axis=2) if image.shape[2] == 3 else image


def saturate(image, factor):
    return np.clip(gray(image) + factor * (image - gray(image)), 0, 1)


def saturation(key, images, strength):
    return each(saturate, images, *(1 + strength * signed(key, images, 1)))


def turn_hue(image, turn):
    if image.shape[2] != 3:
        return image
    luma, i, q = np.moveaxis(image @ TO_YIQ.T, 2, 0)
    chroma = (i + 1j * q) * np.exp(-2j * np.pi * turn)
    turned = np.stack([luma, chroma.real, chroma.imag], axis=2)
    return np.clip(turned @ np.linalg.inv(TO_YIQ).T, 0, 1)


def hue(key, images, strength):
    return each(turn_hue, images, *(strength * signed(key, images, 1)))


def grayscale(key, images, strength):
    return each(lambda x, u: gray(x) if u < strength else x, images, *uniform(key, images, 1))


def instance_noise(key, images, strength):
    noise = jax.random.normal(key, images.shape, np.float32)
    return np.clip(images + strength * np.asarray(noise, float), 0, 1)


def blur(key, images, strength):
    def smooth(image, draw):
        deviation = strength * (0.1 + 1.9 * draw)
        return ndimage.gaussian_filter(image, deviation, radius=1, mode='mirror', axes=(0, 1))

    return each(smooth, images, *uniform(key, images, 1))
