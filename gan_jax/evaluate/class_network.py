"""A small residual network that learns the classes of images, for classification accuracy scores.

"Deep Residual Learning for Image Recognition" (He et al. 2015, arXiv 1512.03385, section 4.2) with
a block a stage, and group normalisation, which has no statistics, in place of BatchNorm.
"""

import functools
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan_jax.evaluate.descent import descend
from gan_jax.evaluate.features import checked, in_batches
from gan_jax.keys import named

STEPS = 2000
BATCH = 128
EVAL_BATCH = 512
RATE = 3e-3
WIDTHS = (16, 32, 64)

Predict = Callable[[np.ndarray], np.ndarray]  # uint8 [n, H, W, C] -> classes, int [n]


class ResNet(nn.Module):
    """Three stages, each with a residual block of two convolutions; every but the first halves."""

    num_classes: int

    @nn.compact
    def __call__(self, images: jax.Array) -> jax.Array:
        """Images [B, H, W, C] in [0, 1] -> logits [B, num_classes]."""
        conv = functools.partial(nn.Conv, use_bias=False, precision='highest')
        norm = functools.partial(nn.GroupNorm, num_groups=8)
        x = conv(WIDTHS[0], (3, 3))(2 * images - 1)
        for stage, width in enumerate(WIDTHS):
            strides = 2 if stage else 1
            y = nn.relu(norm()(x))
            shortcut = conv(width, (1, 1), strides)(y) if stage else x
            y = conv(width, (3, 3), strides)(y)
            x = shortcut + conv(width, (3, 3))(nn.relu(norm()(y)))
        x = nn.relu(norm()(x)).mean(axis=(1, 2))  # [B, 64]
        return nn.Dense(self.num_classes, precision='highest')(x)


def learn(
    images: np.ndarray,
    labels: np.ndarray,
    num_classes: int,
    *,
    steps: int = STEPS,
    seed: int = 0,
    progress: Callable[[int, int], object] = lambda *_: None,
) -> Predict:
    """Trains the network; the same seed gives the same one on one machine.

    Args:
        images: uint8 [N, H, W, C], N >= 1.
        labels: int [N].
        num_classes: labels are below it.
        steps: of AdamW, with a rate that falls to 0 as a cosine; `BATCH` images each, drawn with
            replacement.
        seed: of the first weights and the batches.
        progress: told of steps.

    Raises:
        ValueError: images of another type or shape, or not as many labels.
    """
    images = checked(images)
    if np.shape(labels) != (len(images),):
        raise ValueError(f'labels must be [{len(images)}], got shape {np.shape(labels)}')
    network = ResNet(num_classes)
    key = named(jax.random.key(seed), 'init')
    params = jax.jit(network.init)(key, images[:1] / np.float32(255))

    def loss(params, key, images, labels):
        del key
        logits = network.apply(params, images.astype(jnp.float32) / 255)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    params = descend(
        loss,
        params,
        [images, np.asarray(labels, np.int32)],
        **dict(seed=seed, steps=steps, batch=BATCH, rate=RATE, progress=progress),
    )

    @jax.jit
    def classes(params, images):
        return jnp.argmax(network.apply(params, images.astype(jnp.float32) / 255), axis=1)

    return lambda images: in_batches(functools.partial(classes, params), images, EVAL_BATCH)
