"""References of the ops that hide parts of the image."""

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.keys import named
from tests.augment.references.reading import each, uniform


def random_erasing(key, images, strength):
    noise = np.asarray(jax.random.uniform(named(key, 'noise'), images.shape, jnp.float32), float)

    def erase(image, noise, amount, shape, top, left):
        height, width, _ = image.shape
        area = (strength / 20 + amount * (strength - strength / 20)) * height * width
        # A box of that area and aspect r is √(area r) by √(area / r): r must let it fit.
        low, high = max(0.3, area / width**2), min(1 / 0.3, height**2 / area)
        aspect = low + shape * (high - low)
        tall, wide = int(np.round((area * aspect) ** 0.5)), int(np.round((area / aspect) ** 0.5))
        y, x = int(top * (height - tall + 1)), int(left * (width - wide + 1))
        image = image.copy()
        image[y : y + tall, x : x + wide] = noise[y : y + tall, x : x + wide]
        return image

    return each(erase, images, noise, *uniform(named(key, 'box'), images, 4))


def patch_mask(key, images, strength):
    _, height, width, _ = images.shape
    tall, wide = (max(1, int(np.round(size / 8))) for size in (height, width))
    corners = [(y, x) for y in range(0, height, tall) for x in range(0, width, wide)]

    def hide(image, *uniforms):
        image = image.copy()
        for place in np.argsort(uniforms)[: int(np.round(strength * len(corners)))]:
            y, x = corners[place]
            image[y : y + tall, x : x + wide] = 0
        return image

    return each(hide, images, *uniform(key, images, len(corners)))
