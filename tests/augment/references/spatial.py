"""References of spatial ops: NumPy's padding and rotation, PIL's resize, SciPy's interpolation."""

import numpy as np
from PIL import Image
from scipy import ndimage

from gan_jax.keys import named
from tests.augment.references.reading import each, signed, uniform


def flip(key, images, strength):
    return each(lambda x, u: x[:, ::-1] if u < 0.5 else x, images, *uniform(key, images, 1))


def rotate90(key, images, strength):
    (half,) = uniform(named(key, 'half'), images, 1)
    (quarter,) = uniform(named(key, 'quarter'), images, 1)
    return each(lambda x, h, q: np.rot90(x, 2 * (h < 0.5) + (q < 0.5)), images, half, quarter)


def moved(image, down, right, mode='reflect', **fill):
    """An image moved by whole pixels; NumPy's padding supplies what appears."""
    height, width, _ = image.shape
    down, right = int(down), int(right)
    padded = np.pad(image, ((height, height), (width, width), (0, 0)), mode, **fill)
    return padded[height - down :, width - right :][:height, :width]


def translation(key, images, strength):
    down, right = strength * signed(key, images, 2)
    _, height, width, _ = images.shape
    return each(moved, images, np.round(down * height), np.round(right * width))


def translation_x(key, images, strength):
    right = np.round(strength * signed(key, images, 1)[0] * images.shape[2])
    return each(moved, images, 0 * right, right)


def translation_y(key, images, strength):
    down = np.round(strength * signed(key, images, 1)[0] * images.shape[1])
    return each(moved, images, down, 0 * down)


def shift(key, images, strength):
    most = np.round(strength * np.array(images.shape[1:3]))[:, None]
    pixels = np.floor(uniform(key, images, 2) * (2 * most + 1)) - most
    return each(moved, images, *pixels)


def zoom_in(key, images, strength):
    def crop(image, amount, top, left):
        height, width, _ = image.shape
        extent = 1 - strength * amount
        y, x = top * (1 - extent) * height, left * (1 - extent) * width
        return resized(image, (y, x, y + extent * height, x + extent * width))

    return each(crop, images, *uniform(key, images, 3))


def resized(image, box):
    """PIL's bilinear enlargement of box (top, left, bottom, right) to the image's size."""
    height, width, channels = image.shape
    y, x, bottom, right = np.clip(box, 0, [height, width, height, width])

    def one(channel):
        source = Image.fromarray(channel.astype(np.float32))
        return source.resize((width, height), Image.Resampling.BILINEAR, box=(x, y, right, bottom))

    return np.stack([one(image[..., c]) for c in range(channels)], axis=2)


def zoom_out(key, images, strength):
    def shrink(image, amount, *places):
        positions = [
            (place - 1) * strength * amount * size
            + (np.arange(size) + 0.5) * (1 + strength * amount)
            - 0.5
            for size, place in zip(image.shape[:2], places, strict=True)
        ]
        grid = np.meshgrid(*positions, indexing='ij')
        read = [ndimage.map_coordinates(c, grid, order=1, mode='mirror') for c in channels(image)]
        return np.stack(read, axis=2)

    return each(shrink, images, *uniform(key, images, 3))


def channels(image):
    return np.moveaxis(image, 2, 0)


def with_box(image, other, strength, amount, *places):
    """An image with a box of `other` in it."""
    (tall, wide) = [int(np.round(strength * amount * size)) for size in image.shape[:2]]
    top, left = (
        int(place * (size - side + 1))
        for size, side, place in zip(image.shape[:2], (tall, wide), places, strict=True)
    )
    image = image.copy()
    image[top : top + tall, left : left + wide] = other[top : top + tall, left : left + wide]
    return image


def cutout(key, images, strength):
    black, strengths = np.zeros_like(images), np.full(len(images), strength)
    return each(with_box, images, black, strengths, *uniform(key, images, 3))
