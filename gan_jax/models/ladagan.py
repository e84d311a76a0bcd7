"""LadaGAN (Morales-Juarez & Fuentes-Pineda 2024, arXiv 2401.09596) for 16, 32, 64 and 128 pixels.

A block is a transformer's, with attention whose cost is linear in the number of places: the queries
of a head are averaged to one vector, by weights that each query gives itself, and that vector
scales the keys and the values of all places. In the generator the norms of a block are modulated by
the latents, and nothing is added to the last layer of a block; the authors' code is so.

    generator:      fn='gan_jax.models.ladagan.Generator', num_classes=10   (0: unconditional)
    discriminator:  fn='gan_jax.models.ladagan.Trunk', widths=(64, 128, 256)   (64 pixels)
    logit:          fn='gan_jax.models.patches.PatchLogit', initializer='orthogonal',
                    normalised=False
    adversarial:    fn='gan_jax.terms.patches.non_saturating'

The generator of 32 pixels has 19,901,647 parameters with z of 128 numbers; the authors say 19 M. In
training BatchNorm in the discriminator, which it has above 16 pixels, looks across the batch, so
`config.joint` has to be False; for its running statistics see `models.dcgan`.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from gan_jax.models.cgan import with_classes
from gan_jax.models.conv import Conv, DownDense
from gan_jax.models.layers import (
    Dense,
    add_bias,
    at_least_float32,
    image_of,
    initializer,
    times,
)
from gan_jax.models.sizes import side_of, sides_of
from gan_jax.runtime.ranges import Classes, Integer, Units

Heads = Annotated[int, Integer(1, 1024)]
MULTIPLES = {16: 4, 32: 4, 64: 8, 128: 16}  # that height and width are
LARGEST, ATTENDED = 32, 16  # pixels of the last map of G's blocks, and of the map of D's
SLOPE = 0.2
_init = initializer('orthogonal')
_dense = partial(Dense, kernel_init=_init)
_conv = partial(Conv, kernel_size=(3, 3), kernel_init=_init)
_norm = partial(nn.LayerNorm, epsilon=1e-6, use_fast_variance=False)


class Attention(nn.Module):
    """Linear additive attention: W (g k v) with one query g for all places.

    In each head g is the sum of a_l q_l over places l, where a is the softmax over places of a
    linear function of the whole query. Products with g are channel by channel.

    Attributes:
        heads: their number, which divides the channels.
        dtype: of the maps; the softmax, and the sum over places that is g's gradient, are float32
            at least.
    """

    heads: int
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[N, L, C] from x [N, L, C].

        Raises:
            ValueError: the heads do not divide C.
        """
        n, _, c = x.shape
        if c % self.heads:
            raise ValueError(f'{c} channels do not divide into {self.heads} heads: change heads')
        q, k, v = (_dense(c, dtype=self.dtype, name=name)(x) for name in ('q', 'k', 'v'))
        scores = _dense(self.heads, dtype=self.dtype, name='scores')(q)  # [N, L, heads]
        scores = at_least_float32(scores) / math.sqrt(c // self.heads)
        weights = nn.softmax(scores, axis=1).astype(q.dtype)
        shared = jnp.einsum('nlh,nlhd->nhd', weights, q.reshape(n, -1, self.heads, c // self.heads))
        shared = at_least_float32(shared).reshape(n, 1, c)
        return _dense(c, dtype=self.dtype, name='out')(times(k, shared) * v)


class ModulatedNorm(nn.Module):
    """Layer normalisation with a gain and a bias that follow the latents.

    Both are linear in a ReLU layer of the latents.

    Attributes:
        dtype: of the result; gain and bias, and the sums over places that are their gradients, are
            float32 at least.
    """

    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, z: Array) -> Array:
        """[N, L, C] from x [N, L, C] and z [N, Z]."""
        layer = partial(_dense, x.shape[-1])
        hidden = nn.relu(layer(name='hidden')(at_least_float32(z)))
        gain, bias = (layer(name=name)(hidden)[:, None] for name in ('gain', 'bias'))
        y = _norm(use_scale=False, use_bias=False, dtype=self.dtype)(x)
        return add_bias(times(y, gain), bias)


class Ladaformer(nn.Module):
    """y = x + attention(norm(x)), then f(norm(y)) with two dense layers f; without z f + y.

    Attributes:
        heads: of the attention.
        hidden: units between the dense layers, which have a GELU between them.
        dtype: of the layers; the GELU is float32 at least.
    """

    heads: int
    hidden: int
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, z: Array | None = None) -> Array:
        """[N, L, C] from x [N, L, C] and the latents z [N, Z] that modulate the norms, or none."""

        def normed(name: str, x: Array) -> Array:
            if z is None:
                return _norm(dtype=self.dtype, name=name)(x)
            return ModulatedNorm(self.dtype, name=name)(x, z)

        x = x + Attention(self.heads, self.dtype, name='attention')(normed('norm_0', x))
        y = _dense(self.hidden, dtype=self.dtype, name='dense_0')(normed('norm_1', x))
        y = nn.gelu(at_least_float32(y), approximate=False).astype(y.dtype)
        y = _dense(x.shape[-1], dtype=self.dtype, name='dense_1')(y)
        return y if z is not None else y + x


class Generator(nn.Module):
    """Latents, and classes if any, to images.

    Blocks at 4, 8 and 16 pixels for images of 16, else at 8, 16 and 32; between two of them four
    channels of a place become the four places of a map twice as large. From 64 pixels on the last
    map becomes the image so. In training images are not kept within [0, 1], as in the authors'
    code; in evaluation they are clipped to it, unless `clipped` is False.

    Attributes:
        shape: of one image, (H, W, C).
        widths: channels of the maps.
        heads: of every attention.
        hidden: units between the dense layers of a block.
        num_classes: 0 is unconditional; else the class stands beside z.
        clipped: False leaves images as they are in evaluation too, for codes of an autoencoder.
        dtype: of the layers; the image is float32 at least.
    """

    shape: tuple[int, int, int]
    widths: Sequence[Units] = (1024, 256, 64)
    heads: Heads = 4
    hidden: Units = 512
    num_classes: Classes = 0
    clipped: bool = True
    dtype: Any = None

    @nn.compact
    def __call__(self, z: Array, label: Array, *, train: bool) -> Array:
        """Images [B, H, W, C] from z [B, Z] and label [B], not used without classes.

        Raises:
            ValueError: no layers for images of that size, no widths or too many, or widths that do
                not divide.
        """
        image_side = side_of(self.shape, MULTIPLES, 'LadaGAN')
        last = min(image_side, LARGEST)
        if not 0 < len(self.widths) <= last.bit_length():
            raise ValueError(
                f"{len(self.widths)} widths are given for LadaGAN's maps, the last of which has "
                f'{last} pixels and each half as many as the next: give 1 to {last.bit_length()}'
            )
        factor = image_side // (last >> (len(self.widths) - 1))
        if any(n % factor for n in self.shape[:2]):
            raise ValueError(
                f'LadaGAN with {len(self.widths)} widths begins with a map {factor} times smaller '
                f'than the image, and {self.shape[0]}x{self.shape[1]} are no multiples of '
                f'{factor}: change data.size, or give fewer widths'
            )
        height, width = (n // factor for n in self.shape[:2])
        z, first = with_classes(z, label, self.num_classes), self.widths[0]
        dense = _dense(height * width * first, use_bias=False, dtype=self.dtype, name='dense')
        x = dense(z).reshape(-1, height, width, first)
        for i, features in enumerate(self.widths):
            if i:
                x = _conv(features, dtype=self.dtype, name=f'conv_{i}')(to_places(x, 2))
            x = _attended(self, x, f'block_{i}', z)
        x = to_places(x, self.shape[0] // x.shape[1])
        x = _conv(self.shape[2], dtype=self.dtype, name='image')(x)
        return image_of(at_least_float32(x), clipped=self.clipped and not train)


class DownBlock(nn.Module):
    """The mean of two ways to half the map: two 3×3 convolutions, and means with a 1×1 one.

    Every convolution has a BatchNorm and a leaky ReLU after it, and no bias. The running statistics
    keep 99 hundredths a step and epsilon is 1e-3, as in the authors' code.

    Attributes:
        features: of the result.
        dtype: of the convolutions.
    """

    features: int
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """[N, H/2, W/2, features] from x [N, H, W, C]."""

        def activated(name: str, x: Array) -> Array:
            norm = nn.BatchNorm(not train, momentum=0.99, epsilon=1e-3, dtype=self.dtype, name=name)
            return nn.leaky_relu(norm(x), SLOPE)

        options = dict(use_bias=False, dtype=self.dtype)
        y = _conv(self.features, strides=(2, 2), name='conv_0', **options)(x)
        y = _conv(self.features, name='conv_1', **options)(activated('norm_0', y))
        short = DownDense(self.features, kernel_init=_init, name='shortcut', **options)(x)
        return (activated('norm_1', y) + activated('norm', short)) / 2


class Trunk(nn.Module):
    """Images to features: convolutions to 16×16, one block, and two more layers at 8×8.

    Attributes:
        widths: channels of the maps from the image to 16×16, as many as there are sizes.
        out: channels of the last two layers.
        heads, hidden: as in `Generator`.
        dtype: of the layers; the features are float32 at least.
    """

    widths: Sequence[Units] = (128, 256)
    out: tuple[Units, Units] = (512, 1024)
    heads: Heads = 4
    hidden: Units = 512
    dtype: Any = None

    @nn.compact
    def __call__(self, image: Array, *, train: bool) -> Array:
        """Features [N, F] of images [N, H, W, C] in [0, 1]: the last map [N, 8, 8, C'], flat.

        Raises:
            ValueError: no layers for images of that size, as many widths are for another, or `out`
                is not of two layers.
        """
        side_of(image.shape[1:], MULTIPLES, 'LadaGAN')
        sides_of(image.shape[1:], self.widths, "LadaGAN's discriminator", ATTENDED)
        if len(self.out) != 2:
            raise ValueError(f'out has the channels of two layers, not {len(self.out)}: change out')
        first, *others = self.widths
        bare = dict(use_bias=False, dtype=self.dtype)
        x = nn.leaky_relu(_conv(first, name='image', **bare)(2 * image - 1), SLOPE)
        for i, features in enumerate(others):
            x = DownBlock(features, self.dtype, name=f'down_{i}')(x, train=train)
        x = _attended(self, x, 'block')
        x = _conv(self.out[0], dtype=self.dtype, name='conv')(to_channels(x))
        x = nn.leaky_relu(_dense(self.out[1], name='dense', **bare)(x), SLOPE)
        return at_least_float32(x).reshape(len(x), -1)


def _attended(network: Generator | Trunk, x: Array, name: str, z: Array | None = None) -> Array:
    """A block of a network on a map [N, H, W, C] and a learned vector for each place."""
    n, height, width, c = x.shape
    places = network.param(f'{name}_places', _init, (height * width, c), jnp.float32)
    x = add_bias(x.reshape(n, -1, c), places)
    block = Ladaformer(network.heads, network.hidden, network.dtype, name=name)
    return block(x, z).reshape(n, height, width, c)


def to_places(x: Array, factor: int) -> Array:
    """[N, H, W, C] -> [N, H f, W f, C / f²]: the channels of a place as f×f places, row by row.

    Raises:
        ValueError: f² does not divide C.
    """
    n, h, w, c = x.shape
    if c % factor**2:
        raise ValueError(f'{c} channels do not divide into {factor**2} places: change widths')
    x = x.reshape(n, h, w, factor, factor, c // factor**2).swapaxes(2, 3)
    return x.reshape(n, h * factor, w * factor, -1)


def to_channels(x: Array) -> Array:
    """The inverse of `to_places` for f = 2: [N, H, W, C] -> [N, H/2, W/2, 4 C]."""
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).swapaxes(2, 3).reshape(n, h // 2, w // 2, 4 * c)
