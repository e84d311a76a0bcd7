"""LPIPS, a distance of images in the features of VGG16, and its published weights.

"The Unreasonable Effectiveness of Deep Features as a Perceptual Metric" (Zhang et al. 2018, arXiv
1801.03924, equation 1), version 0.1 with VGG16 of "Very Deep Convolutional Networks" (Simonyan and
Zisserman 2014, arXiv 1409.1556) as torchvision publishes it, CC BY. NVIDIA's `vgg16` of StyleGAN's
path length is the same network.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from gan_jax.data.archives.table import File
from gan_jax.evaluate import published, torchfile

# The convolutions of each of the five blocks: their places in torchvision's `features`. The maps
# that are compared are what the last of a block gives, after its ReLU.
BLOCKS = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
WIDTHS = (64, 128, 256, 512, 512)  # channels of a block
SMALLEST = 16  # side of an image that four poolings leave a pixel of
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of images in [-1, 1]

VGG16 = File(
    'vgg16-397923af.pth',
    553_433_881,
    '397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0',
    'https://download.pytorch.org/models/vgg16-397923af.pth',
)
LINEAR = File(
    'weights-vgg16-lpips.pth',
    7289,
    'a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868',
    'https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-vgg16-lpips.pth',
)


def files() -> tuple[published.Published, published.Published]:
    """The published weights of VGG16 and of what LPIPS multiplies its channels by."""
    return (
        published.Published('VGG16', 'path lengths', VGG16, 'GAN_JAX_VGG16', load_vgg16),
        published.Published('LPIPS', 'path lengths', LINEAR, 'GAN_JAX_LPIPS', load_linear),
    )


def check(data_dir: str | Path | None = None) -> None:
    """Raises UserError (69) if the weights are not here and cannot be downloaded."""
    for one in files():
        published.check(one, data_dir)


def variables_of(data_dir: str | Path | None = None) -> dict[str, Any]:
    """{'vgg16', 'lpips'}, for `distance`.

    Raises:
        UserError: as `published.variables_of` (69).
    """
    return {one.folder: published.variables_of(one, data_dir) for one in files()}


def load_vgg16(path: Path) -> dict[str, Any]:
    """{'conv_0': {'kernel' [3, 3, in, out], 'bias' [out]}, ...} from torchvision's file.

    Raises:
        UserError: no such file (66), or it does not hold these tensors (65).
    """
    tensors, found, channels = torchfile.read_tensors(path), {}, 3
    for width, block in zip(WIDTHS, BLOCKS, strict=True):
        for i in block:
            kernel = torchfile.taken(tensors, path, f'features.{i}.weight', (width, channels, 3, 3))
            bias = torchfile.taken(tensors, path, f'features.{i}.bias', (width,))
            found[f'conv_{i}'] = {'kernel': kernel.transpose(2, 3, 1, 0), 'bias': bias}
            channels = width
    return found


def load_linear(path: Path) -> dict[str, Any]:
    """{'block_0': [64], ...}, factors >= 0 of the channels, from the file of LPIPS 0.1.

    Raises:
        UserError: as `load_vgg16`.
    """
    tensors = torchfile.read_tensors(path)
    return {
        f'block_{i}': torchfile.taken(
            tensors, path, f'lin{i}.model.1.weight', (1, width, 1, 1)
        ).ravel()
        for i, width in enumerate(WIDTHS)
    }


def distance(variables: Mapping[str, Any], a: jax.Array, b: jax.Array) -> jax.Array:
    """The LPIPS of pairs, [B].

    Args:
        variables: from `variables_of`.
        a: [B, H, W, 3], values from 0 to 255, H and W at least 16.
        b: the same.
    """
    total, maps = jnp.zeros(len(a)), _features(variables['vgg16'], jnp.concatenate([a, b]))
    for i, found in enumerate(maps):
        x, y = jnp.split(found, 2)
        weighted = (x - y) ** 2 * variables['lpips'][f'block_{i}'][None, None, None]
        total += weighted.sum(axis=3).mean(axis=(1, 2))
    return total


def _features(variables: Mapping[str, Any], images: jax.Array) -> list[jax.Array]:
    """The map of each block, [B, h, w, width], every pixel's channels at unit length."""
    shift, scale = (jnp.array(x, images.dtype)[None, None, None] for x in (SHIFT, SCALE))
    x, maps = (images / 127.5 - 1 - shift) / scale, []
    for block in BLOCKS:
        if maps:
            x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), 'VALID')
        for i in block:
            x = _convolved(x, **variables[f'conv_{i}'])
        norm = jnp.sqrt((x * x).sum(axis=3, keepdims=True))
        maps.append(x / (norm + 1e-10))
    return maps


def _convolved(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
    dimensions = ('NHWC', 'HWIO', 'NHWC')
    y = lax.conv_general_dilated(
        x, kernel, (1, 1), 'SAME', dimension_numbers=dimensions, precision='highest'
    )
    return jax.nn.relu(y + bias[None, None, None])
