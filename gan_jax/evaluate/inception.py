"""Inception-v3 of the FID: the network of 2015-12-05 with 1,008 logits, and its weights.

"Rethinking the Inception Architecture for Computer Vision" (Szegedy et al. 2016, arXiv 1512.00567)
as TensorFlow published it, which differs from the paper and from torchvision's: average pooling
does not count the padding, the last block pools by the maximum, and there are 1,008 logits. The
weights are the ones of Heusel et al. 2017, in the PyTorch format of pytorch-fid and torch-fidelity.
"""

import functools
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.evaluate import interpolate, torchfile
from gan_jax.runtime.errors import DATA, UserError

SIZE = 299  # side of the network's input
LAYERS = ('64', '192', '768', '2048', 'logits_unbiased', 'logits')


class Inception(nn.Module):
    """The network, in evaluation mode, float32 at full precision. 23,885,392 numbers.

    Images float32 [B, 299, 299, 3] in [-1, 1] -> {'64', '192', '768', '2048': the features of these
    widths, each averaged over its pixels, [B, width]; 'logits_unbiased': [B, 1008] without the last
    bias, whose softmax the Inception Score takes; 'logits': [B, 1008]}. Under jit unused values are
    not computed.
    """

    @nn.compact
    def __call__(self, images: jax.Array) -> dict[str, jax.Array]:
        x = _Conv(32, 3, stride=2, name='Conv2d_1a_3x3')(images)  # [B, 149, 149, 32]
        x = _Conv(32, 3, padding='VALID', name='Conv2d_2a_3x3')(x)  # [B, 147, 147, 32]
        x = _Conv(64, 3, name='Conv2d_2b_3x3')(x)
        x = map_64 = _shrink(x)  # [B, 73, 73, 64]
        x = _Conv(80, 1, name='Conv2d_3b_1x1')(x)
        x = _Conv(192, 3, padding='VALID', name='Conv2d_4a_3x3')(x)  # [B, 71, 71, 192]
        x = map_192 = _shrink(x)  # [B, 35, 35, 192]
        x = _MixedA(32, name='Mixed_5b')(x)  # [B, 35, 35, 256]
        x = _MixedA(64, name='Mixed_5c')(x)  # [B, 35, 35, 288]
        x = _MixedA(64, name='Mixed_5d')(x)
        x = _MixedB(name='Mixed_6a')(x)  # [B, 17, 17, 768]
        x = _MixedC(128, name='Mixed_6b')(x)
        x = _MixedC(160, name='Mixed_6c')(x)
        x = _MixedC(160, name='Mixed_6d')(x)
        x = map_768 = _MixedC(192, name='Mixed_6e')(x)
        x = _MixedD(name='Mixed_7a')(x)  # [B, 8, 8, 1280]
        x = _MixedE(_mean_pool, name='Mixed_7b')(x)  # [B, 8, 8, 2048]
        x = _MixedE(_max_pool, name='Mixed_7c')(x)
        features = x.mean(axis=(1, 2))
        dense = nn.Dense(1008, use_bias=False, precision='highest', name='fc')
        logits = dense(features)
        bias = self.param('fc_bias', nn.initializers.zeros, (1008,))
        return {
            '64': map_64.mean(axis=(1, 2)),
            '192': map_192.mean(axis=(1, 2)),
            '768': map_768.mean(axis=(1, 2)),
            '2048': features,
            'logits_unbiased': logits,
            'logits': logits + bias[None],
        }


def features(
    variables: Mapping[str, Any],
    images: jax.Array,
    *,
    interpolation: str,
    layers: Collection[str] = LAYERS,
) -> dict[str, jax.Array]:
    """The given layers of `Inception` for images as they are stored.

    Args:
        variables: from `load`.
        images: uint8 [B, H, W, 1 or 3]. Grey ones become three equal channels. Values become
            (x - 128) / 128, as in the published graph, which is not exactly [-1, 1].
        interpolation: to 299×299, 'tf1' or 'clean', see `interpolate`.
        layers: of LAYERS.
    """
    height, width = (interpolate.matrix(interpolation, n, SIZE) for n in images.shape[1:3])
    resized = jnp.einsum(
        'ih,bhwc,jw->bijc', height, images.astype(jnp.float32), width, precision='highest'
    )
    if interpolation == 'clean':
        resized = jnp.clip(resized, 0, 255)  # beyond which the cubic overshoots
    resized = jnp.broadcast_to(resized, (*resized.shape[:3], 3))
    found = Inception().apply(variables, (resized - 128) / 128)
    return {name: found[name] for name in layers}


def load(path: str | Path) -> dict[str, Any]:
    """The variables of `Inception`, {'params': ..., 'batch_stats': ...}, from a PyTorch file.

    The file is read without torch, and nothing in it is run. The origin of the weights is not
    checked here but in `weights.published`.

    Raises:
        UserError: no such file (66), or it does not hold these tensors (65).
    """
    tensors = torchfile.read_tensors(Path(path))
    shapes = jax.eval_shape(Inception().init, jax.random.key(0), jnp.zeros((1, SIZE, SIZE, 3)))
    filled = jax.tree_util.tree_map_with_path(functools.partial(_filled, tensors, path), shapes)
    return jax.tree.map(np.asarray, filled)


# Our leaf -> its name in PyTorch, and PyTorch's axes in the order of ours.
THEIRS = {
    'kernel': ('weight', (2, 3, 1, 0)),
    'scale': ('weight', (0,)),
    'bias': ('bias', (0,)),
    'mean': ('running_mean', (0,)),
    'var': ('running_var', (0,)),
}


def _filled(
    tensors: Mapping[str, np.ndarray], path: str | Path, ours: tuple, shape: jax.ShapeDtypeStruct
) -> np.ndarray:
    _, *modules, leaf = (key.key for key in ours)
    name, axes = THEIRS.get(leaf, ('', ()))
    name = '.'.join([*modules, name])
    if leaf == 'fc_bias':
        name, axes = 'fc.bias', (0,)
    if modules == ['fc']:
        axes = (1, 0)
    if name not in tensors:
        raise UserError(f"{path} has no '{name}': it is not the Inception of the FID", DATA)
    found = tensors[name]
    if found.ndim != len(axes) or found.transpose(axes).shape != shape.shape:
        raise UserError(
            f"{path}: '{name}' is {list(found.shape)}, which does not fit the Inception of the FID",
            DATA,
        )
    return np.ascontiguousarray(found.transpose(axes), np.float32)


class _Conv(nn.Module):
    """Convolution without bias, BatchNorm, ReLU."""

    features: int
    kernel: int | tuple[int, int]
    stride: int = 1
    padding: str = 'SAME'

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        kernel = (self.kernel,) * 2 if isinstance(self.kernel, int) else self.kernel
        x = nn.Conv(
            self.features,
            kernel,
            self.stride,
            'VALID' if self.stride > 1 else self.padding,
            use_bias=False,
            precision='highest',  # TF32 would move the distance
            name='conv',
        )(x)
        return nn.relu(nn.BatchNorm(use_running_average=True, epsilon=1e-3, name='bn')(x))


def _shrink(x: jax.Array) -> jax.Array:
    return nn.max_pool(x, (3, 3), (2, 2))


def _max_pool(x: jax.Array) -> jax.Array:
    return nn.max_pool(x, (3, 3), padding='SAME')


def _mean_pool(x: jax.Array) -> jax.Array:
    """The mean over 3×3 pixels; padding does not count."""
    return nn.avg_pool(x, (3, 3), padding='SAME', count_include_pad=False)


def _side_by_side(*branches: jax.Array) -> jax.Array:
    return jnp.concatenate(branches, axis=-1)


class _MixedA(nn.Module):
    """[B, 35, 35, C] -> [B, 35, 35, 224 + pooled]."""

    pooled: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        one = _Conv(64, 1, name='branch1x1')(x)
        five = _Conv(48, 1, name='branch5x5_1')(x)
        five = _Conv(64, 5, name='branch5x5_2')(five)
        three = _Conv(64, 1, name='branch3x3dbl_1')(x)
        three = _Conv(96, 3, name='branch3x3dbl_2')(three)
        three = _Conv(96, 3, name='branch3x3dbl_3')(three)
        pool = _Conv(self.pooled, 1, name='branch_pool')(_mean_pool(x))
        return _side_by_side(one, five, three, pool)


class _MixedB(nn.Module):
    """[B, 35, 35, 288] -> [B, 17, 17, 768]."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        three = _Conv(384, 3, stride=2, name='branch3x3')(x)
        double = _Conv(64, 1, name='branch3x3dbl_1')(x)
        double = _Conv(96, 3, name='branch3x3dbl_2')(double)
        double = _Conv(96, 3, stride=2, name='branch3x3dbl_3')(double)
        return _side_by_side(three, double, _shrink(x))


class _MixedC(nn.Module):
    """[B, 17, 17, 768] -> the same; kernels of 7 in one direction at a time."""

    inner: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        n = self.inner
        one = _Conv(192, 1, name='branch1x1')(x)
        seven = _Conv(n, 1, name='branch7x7_1')(x)
        seven = _Conv(n, (1, 7), name='branch7x7_2')(seven)
        seven = _Conv(192, (7, 1), name='branch7x7_3')(seven)
        double = _Conv(n, 1, name='branch7x7dbl_1')(x)
        double = _Conv(n, (7, 1), name='branch7x7dbl_2')(double)
        double = _Conv(n, (1, 7), name='branch7x7dbl_3')(double)
        double = _Conv(n, (7, 1), name='branch7x7dbl_4')(double)
        double = _Conv(192, (1, 7), name='branch7x7dbl_5')(double)
        pool = _Conv(192, 1, name='branch_pool')(_mean_pool(x))
        return _side_by_side(one, seven, double, pool)


class _MixedD(nn.Module):
    """[B, 17, 17, 768] -> [B, 8, 8, 1280]."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        three = _Conv(192, 1, name='branch3x3_1')(x)
        three = _Conv(320, 3, stride=2, name='branch3x3_2')(three)
        seven = _Conv(192, 1, name='branch7x7x3_1')(x)
        seven = _Conv(192, (1, 7), name='branch7x7x3_2')(seven)
        seven = _Conv(192, (7, 1), name='branch7x7x3_3')(seven)
        seven = _Conv(192, 3, stride=2, name='branch7x7x3_4')(seven)
        return _side_by_side(three, seven, _shrink(x))


class _MixedE(nn.Module):
    """[B, 8, 8, C] -> [B, 8, 8, 2048]; the last of the two pools by the maximum."""

    pool: Any

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        one = _Conv(320, 1, name='branch1x1')(x)
        three = _Conv(384, 1, name='branch3x3_1')(x)
        flat = _Conv(384, (1, 3), name='branch3x3_2a')(three)
        tall = _Conv(384, (3, 1), name='branch3x3_2b')(three)
        double = _Conv(448, 1, name='branch3x3dbl_1')(x)
        double = _Conv(384, 3, name='branch3x3dbl_2')(double)
        double_flat = _Conv(384, (1, 3), name='branch3x3dbl_3a')(double)
        double_tall = _Conv(384, (3, 1), name='branch3x3dbl_3b')(double)
        pool = _Conv(192, 1, name='branch_pool')(self.pool(x))
        return _side_by_side(one, flat, tall, double_flat, double_tall, pool)
