"""The small classifier of digits that comes with the package.

`evaluate.train_digits_net` has trained it. Metrics are measured in its features, and a projected
discriminator looks at images in its maps.
"""

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path

import flax
import flax.linen as nn
import jax
import numpy as np

from gan_jax.extractors import FeatureNetwork

FILE = Path(__file__).with_name('digits_net.npz')
SIZE = 16  # side of the images that the classifier was trained on
WIDTH = 64  # features of a channel


class DigitsNet(nn.Module):
    """Three convolutions and two dense layers, 89,546 parameters."""

    def setup(self):
        """The layers."""
        # Full precision on every device: TF32 would move a Fréchet distance. GELU, because ReLU
        # left a quarter of the features dead and their covariance without full rank.
        conv = functools.partial(nn.Conv, kernel_size=(3, 3), precision='highest')
        dense = functools.partial(nn.Dense, precision='highest')
        self.conv_0, self.conv_1, self.conv_2 = conv(16), conv(32, strides=2), conv(64, strides=2)
        self.hidden, self.logits = dense(WIDTH), dense(10)

    def __call__(self, images: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Images [B, 16, 16, 1] in [0, 1] -> (features [B, 64], logits [B, 10])."""
        *_, x = self.maps(images)
        features = nn.gelu(self.hidden(x.reshape(len(x), -1)))  # [B, 64]
        return features, self.logits(features)

    def maps(self, images: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Images as above -> the maps [B, 16, 16, 16], [B, 8, 8, 32] and [B, 4, 4, 64]."""
        first = nn.gelu(self.conv_0(2 * images - 1))
        second = nn.gelu(self.conv_1(first))
        return first, second, nn.gelu(self.conv_2(second))


def digits_net() -> FeatureNetwork:
    """The classifier's maps of 16, 8 and 4 pixels, of grey images of 16 pixels."""
    return FeatureNetwork(weights, _maps)


def _maps(variables: Mapping, images: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    if images.shape[1:] != (SIZE, SIZE, 1):
        height, width, channels = images.shape[1:]
        raise ValueError(
            f'the digits classifier takes grey images of {SIZE}x{SIZE}, not {height}x{width} with '
            f'{channels} channels: change config.data, or take another extractor'
        )
    return DigitsNet().apply(variables, images, method='maps')


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
