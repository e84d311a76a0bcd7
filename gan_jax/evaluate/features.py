"""Features and classes of digit images from the small classifier of `gan_jax.extractors.digits`.

`fd_digits` is measured in its features, and its classes are counted as modes. `fd_digits` is not an
FID, and means something only relative to its floor: real held-out images against real train images.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.resize import resize
from gan_jax.extractors.digits import SIZE, DigitsNet, weights


class Features(NamedTuple):
    """The classifier's outputs for N images with C channels, where each channel is a digit.

    Attributes:
        features: float32 [N, C * 64], the channels' last hidden layers one after the other.
        probs: float32 [N, C, 10], each channel's class probabilities.
        classes: int32 [N], the most probable digits read as one number: 100a + 10b + c for C = 3,
            the digit itself for C = 1.
    """

    features: np.ndarray
    probs: np.ndarray
    classes: np.ndarray


def digits(images: np.ndarray, *, batch_size: int = 512) -> Features:
    """Features, probabilities and classes of digit images, by the embedded classifier.

    Every batch is padded to `batch_size`, since the rounding of a convolution depends on the shape
    of its batch: image i gives the same bits whatever follows it.

    Args:
        images: uint8 [N, H, W, C], N >= 1; resized to 16×16 where H or W differs.
        batch_size: channels in one pass of the network; another value may change the last bits.

    Raises:
        ValueError: images of another type or shape.
    """
    images = checked(images)
    count, channels = len(images), images.shape[-1]
    planes = np.moveaxis(resize(images, SIZE), -1, 1).reshape(-1, SIZE, SIZE, 1)  # [N*C, 16, 16, 1]
    features, probs = in_batches(functools.partial(_forward, weights()), planes, batch_size)
    probs = probs.reshape(count, channels, 10)
    places = 10 ** np.arange(channels)[::-1]  # 100, 10, 1
    classes = (probs.argmax(axis=-1) @ places).astype(np.int32)
    return Features(features.reshape(count, -1), probs, classes)


def checked(images: np.ndarray) -> np.ndarray:
    """`images`, if they are uint8 [N, H, W, C] with N >= 1.

    Raises:
        ValueError: they are not.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.dtype != np.uint8 or not images.size:
        raise ValueError(
            'images must be uint8 [N, H, W, C] and not empty, '
            f'got {images.dtype} of shape {images.shape}'
        )
    return images


def in_batches(function: Callable[[Any], Any], images: Any, size: int) -> Any:
    """`function` of all images, handed `size` at a time, the last ones padded with zeros.

    Args:
        function: a tree of [size, ...] -> a tree of [size, ...], on a device or not.
        images: [N, ...], or a tree of such, N >= 1.
        size: of a batch.

    Returns:
        The tree of [N, ...], on the host.
    """
    count = len(jax.tree.leaves(images)[0])

    def batch(x: np.ndarray, first: int) -> np.ndarray:
        some = x[first : first + size]
        return np.pad(some, [(0, size - len(some)), *[(0, 0)] * (x.ndim - 1)])

    batches = [
        jax.device_get(function(jax.tree.map(lambda x, first=first: batch(x, first), images)))
        for first in range(0, count, size)
    ]
    return jax.tree.map(lambda *parts: np.concatenate(parts)[:count], *batches)


@jax.jit
def _forward(variables: dict, planes: jax.Array) -> tuple[jax.Array, jax.Array]:
    features, logits = DigitsNet().apply(variables, planes.astype(jnp.float32) / 255)
    return features, jax.nn.softmax(logits)
