"""Features and classes of digit images from a small classifier that comes with the package.

`fd_digits` is measured in its features, and its classes are counted as modes. `fd_digits` is not an
FID, and means something only relative to its floor: real held-out images against real train images.
"""

import functools
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.resize import resize

FILE = Path(__file__).with_name('digits_net.npz')
SIZE = 16  # side of the images that the classifier was trained on
WIDTH = 64  # features of a channel


class DigitsNet(nn.Module):
    """Three convolutions and two dense layers, 89,546 parameters."""

    @nn.compact
    def __call__(self, images: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Images [B, 16, 16, 1] in [0, 1] -> (features [B, 64], logits [B, 10])."""
        # Full precision on every device: TF32 would move a Fréchet distance. GELU, because ReLU
        # left a quarter of the features dead and their covariance without full rank.
        conv = functools.partial(nn.Conv, kernel_size=(3, 3), precision='highest')
        dense = functools.partial(nn.Dense, precision='highest')
        x = 2 * images - 1
        x = nn.gelu(conv(16, name='conv_0')(x))  # [B, 16, 16, 16]
        x = nn.gelu(conv(32, strides=2, name='conv_1')(x))  # [B, 8, 8, 32]
        x = nn.gelu(conv(64, strides=2, name='conv_2')(x))  # [B, 4, 4, 64]
        features = nn.gelu(dense(WIDTH, name='hidden')(x.reshape(len(x), -1)))  # [B, 64]
        return features, dense(10, name='logits')(features)


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


@functools.cache
def weights() -> dict:
    """The classifier's variables, {'params': ...}, from the file in the package."""
    with np.load(FILE, allow_pickle=False) as file:
        return unpack(file)


def unpack(stored: Mapping[str, np.ndarray]) -> dict:
    """The file's {'conv_0/kernel': float16, ...} as variables of Flax, in float32."""
    flat = {name: stored[name].astype(np.float32) for name in stored}
    return {'params': flax.traverse_util.unflatten_dict(flat, sep='/')}


def weights_sha256() -> str:
    """SHA-256, in hex, of the classifier's file: distances by two classifiers do not compare."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()


@jax.jit
def _forward(variables: dict, planes: jax.Array) -> tuple[jax.Array, jax.Array]:
    features, logits = DigitsNet().apply(variables, planes.astype(jnp.float32) / 255)
    return features, jax.nn.softmax(logits)
