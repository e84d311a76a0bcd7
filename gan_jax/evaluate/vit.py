"""Vision transformers whose class token is an image's features, in float32 at full precision.

"An Image is Worth 16x16 Words" (Dosovitskiy et al. 2020, arXiv 2010.11929), with what DINOv2 and
CLIP add to it: factors of the residual branches, a norm before the first block, a projection.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.evaluate import interpolate

Variables = Mapping[str, Any]
HIGHEST = jax.lax.Precision.HIGHEST


class Net(NamedTuple):
    """The shape of a transformer, and numbers that its variables do not say.

    Attributes:
        width: of a token.
        layers: blocks.
        heads: of the attention.
        patch: side of a patch in pixels.
        epsilon: of the norms.
        quick: whether x σ(1.702 x) stands in for GELU.
    """

    width: int
    layers: int
    heads: int
    patch: int
    epsilon: float = 1e-6
    quick: bool = False


def class_features(net: Net, variables: Variables, images: jax.Array) -> jax.Array:
    """The class token after the last norm, and the projection if there is one: [B, F].

    Args:
        net: the network.
        variables: {'patch', 'class', 'positions', 'block_0', ..., 'norm'}, see `dinov2.load`;
            'norm_first', 'project' and the blocks' 'scale_1', 'scale_2' may be absent.
        images: float32 [B, H, W, 3], as the network takes them; H and W are whole patches, as many
            as there are positions.
    """
    tokens = _dense(variables['patch'], patches(images, net.patch))  # [B, N, width]
    first = jnp.broadcast_to(variables['class'][None, None], (len(images), 1, net.width))
    x = jnp.concatenate([first, tokens], axis=1) + variables['positions'][None]
    if 'norm_first' in variables:
        x = _norm(net, variables['norm_first'], x)
    for i in range(net.layers):
        x = _block(net, variables[f'block_{i}'], x)
    features = _norm(net, variables['norm'], x[:, 0])
    if 'project' in variables:
        return jnp.matmul(features, variables['project'], precision=HIGHEST)
    return features


def patches(images: jax.Array, side: int) -> jax.Array:
    """[B, N, side² · C], row by row, of images [B, H, W, C]; channels of a pixel lie together."""
    size, height, width, channels = images.shape
    x = images.reshape(size, height // side, side, width // side, side, channels)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(size, -1, side * side * channels)


def resized_positions(positions: np.ndarray, side: int, *, offset: float = 0.1) -> np.ndarray:
    """Positions of a square of N patches, interpolated for side² patches: float32 [side², F].

    Keys' cubic with a = -0.75, as PyTorch has it, without antialiasing; beyond the border the last
    value is repeated. Target i lies at (i + ½) n / (side + offset) - ½ of the n sources of an axis:
    DINOv2 adds `offset`, so that pictures of 224 pixels meet 16.1 / 37 in place of 16 / 37.

    Args:
        positions: [n², F].
        side: patches of an axis.
        offset: as above.
    """
    count = round(len(positions) ** 0.5)
    at = (np.arange(side) + 0.5) * (count / (side + offset)) - 0.5
    low = np.floor(at).astype(int)
    weights = np.zeros((side, count))
    for k in range(-1, 3):
        source = np.clip(low + k, 0, count - 1)
        np.add.at(weights, (np.arange(side), source), interpolate.cubic(at - low - k, -0.75))
    grid = positions.reshape(count, count, -1).astype(np.float64)
    found = np.einsum('ia,abf,jb->ijf', weights, grid, weights)
    return found.reshape(side * side, -1).astype(np.float32)


def _block(net: Net, variables: Variables, x: jax.Array) -> jax.Array:
    y = _attention(net, variables, _norm(net, variables['norm_1'], x))
    x = x + _scaled(variables, 'scale_1', y)
    y = _dense(variables['fc_1'], _norm(net, variables['norm_2'], x))
    y = y * jax.nn.sigmoid(1.702 * y) if net.quick else jax.nn.gelu(y, approximate=False)
    return x + _scaled(variables, 'scale_2', _dense(variables['fc_2'], y))


def _attention(net: Net, variables: Variables, x: jax.Array) -> jax.Array:
    size, tokens, width = x.shape
    qkv = _dense(variables['qkv'], x).reshape(size, tokens, 3, net.heads, width // net.heads)
    q, k, v = (qkv[:, :, i] for i in range(3))  # [B, tokens, heads, width / heads]
    logits = jnp.einsum('bihf,bjhf->bhij', q, k, precision=HIGHEST)
    shares = jax.nn.softmax(logits * (width // net.heads) ** -0.5, axis=3)
    y = jnp.einsum('bhij,bjhf->bihf', shares, v, precision=HIGHEST)
    return _dense(variables['out'], y.reshape(size, tokens, width))


def _scaled(variables: Variables, name: str, x: jax.Array) -> jax.Array:
    return x * variables[name][None, None] if name in variables else x


def _dense(variables: Variables, x: jax.Array) -> jax.Array:
    y = jnp.matmul(x, variables['kernel'], precision=HIGHEST)
    return y + variables['bias'][None, None] if 'bias' in variables else y


def _norm(net: Net, variables: Variables, x: jax.Array) -> jax.Array:
    mean = x.mean(axis=-1, keepdims=True)
    centred = x - mean
    y = centred * jax.lax.rsqrt((centred**2).mean(axis=-1, keepdims=True) + net.epsilon)
    scale, bias = (variables[k].reshape((1,) * (x.ndim - 1) + (-1,)) for k in ('scale', 'bias'))
    return y * scale + bias
