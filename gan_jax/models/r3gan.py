"""R3GAN (Huang et al. 2025, arXiv 2501.05441) for images of 4, 8, 16, ... pixels, and others.

Two residual blocks at every size from 4 pixels on, and no normalisation anywhere. The discriminator
is the generator's mirror. Built from a description of the authors' networks. Parameters of G / D:

    CIFAR-10      widths=(768,) * 4, num_classes=10                          20,781,952 / 21,280,512
                  without classes                                            20,732,160 / 20,683,776
    FFHQ, 64 px   widths=(*(768,) * 4, 384)                                  22,429,824 / 22,381,440
    FFHQ, 256 px  widths=(*(768,) * 4, 384, 192, 96)                         23,057,952 / 23,009,568
    ImageNet, 32  widths=(1536,) * 4, group_size=32, num_classes=1000        82,914,304 / 86,548,992
    ImageNet, 64  widths=(1536,) * 5, group_size=32, num_classes=1000      103,570,432 / 107,205,120

with latents of 64 numbers. G and D take the same widths; the logit's block is
fn='gan_jax.models.r3gan.Logit', num_classes=10.

A layer without an activation keeps the variance of its input at first, and so does a block's layer
before a leaky ReLU, but for the factor L^(-1/2) of Fixup (Zhang et al. 2019, arXiv 1901.09321) with
the L blocks of the network. The last layer of a block starts at zero. So at first D is linear in
the image, and G in its latents.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from gan_jax.models.conditions import LabelTable, condition
from gan_jax.models.fir import double, halve
from gan_jax.models.grouped import GroupedConv
from gan_jax.models.layers import Dense, at_least_float32, image_of, maybe_remat, type_at
from gan_jax.models.sizes import first_map, sides_of
from gan_jax.runtime.ranges import Classes, Units

BLOCKS = 2  # at each size
SLOPE = 0.2
EMBEDDING = 64  # numbers of a class in the generator

_plain = nn.initializers.variance_scaling(1.0, 'fan_in', 'normal')
_linear = partial(Dense, use_bias=False, kernel_init=_plain)


class Block(nn.Module):
    """x + f(x) with a grouped bottleneck f, which is wide inside and has no normalisation.

    1×1 to twice the channels, leaky ReLU, 3×3 in groups, leaky ReLU, 1×1 back. The last layer has
    no bias and starts at zero. The leaky ReLU has slope 0.2 and no gain of its own.

    Attributes:
        group_size: channels of a group of the 3×3 convolution.
        blocks: L, of the whole network.
        dtype: of the layers.
    """

    group_size: int
    blocks: int
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """[N, H, W, C] from x [N, H, W, C]; `train` is not used."""
        channels = x.shape[-1]
        variance = 2 / (1 + SLOPE**2) / self.blocks**0.5
        init = nn.initializers.variance_scaling(variance, 'fan_in', 'normal')
        options = dict(dtype=self.dtype, kernel_init=init)
        y = Dense(2 * channels, name='widen', **options)(x)
        conv = GroupedConv(2 * channels, (3, 3), self.group_size, name='conv', **options)
        y = conv(nn.leaky_relu(y, SLOPE))
        options['kernel_init'] = nn.initializers.zeros_init()
        narrow = Dense(channels, use_bias=False, name='narrow', **options)
        return x + narrow(nn.leaky_relu(y, SLOPE))


class Generator(nn.Module):
    """Latents and classes to images.

    The 4×4 map is a learned one, whose channels are multiplied by linear functions of latents and
    class. A change of channels, by a 1×1 convolution, comes before the doubling.

    Attributes:
        shape: of one image, (H, W, C).
        widths: channels of the maps of 4, 8, ... and H pixels, see `sizes`.
        group_size: channels of a group of the 3×3 convolutions.
        num_classes: 0 is unconditional.
        clipped: False leaves images as they are in evaluation too, for codes of an autoencoder.
        label_size: numbers of a label vector, in the place of classes; 0 without.
        label_table: the data's label vectors.
        remat: whether the backward pass computes the inside of each block again instead of keeping
            it: less memory, the same numbers, more time.
        dtype: of the layers at the four largest sizes, but not at 4 pixels; everything else, and
            the image, is float32 at least.
    """

    shape: tuple[int, int, int]
    widths: Sequence[Units]
    group_size: Units = 16
    num_classes: Classes = 0
    clipped: bool = True
    label_size: Classes = 0
    label_table: LabelTable | None = None
    remat: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, z: Array, label: Array, *, train: bool) -> Array:
        """Images [B, H, W, C] from z [B, Z] and label [B], not used without classes.

        With `train` they are unbounded, as the discriminator meets them; most values lie in [0, 1].
        Without it they are clipped to [0, 1], unless `clipped` is False.

        Raises:
            ValueError: the widths are of images of another size, or do not divide into groups.
        """
        sides = _sides(self.shape, self.widths, self.group_size)
        given = condition(self, label, z.dtype)
        if given is not None:
            z = jnp.concatenate([z, _linear(EMBEDDING, name='classes')(given)], axis=1)
        x = _linear(self.widths[0], name='dense')(z)[:, None, None]
        start = *first_map(self.shape, len(sides) - 1), self.widths[0]
        x = x * _basis(self, nn.initializers.normal(1.0), start)
        for i, dtype in enumerate(_types(self.dtype, sides)):
            x = _cast(x, dtype)
            if i:
                x = double(_to_width(x, self.widths[i], f'width_{i}', dtype))
            x = _blocks(self, x, i, dtype, train=train)
        x = _linear(self.shape[2], name='image')(at_least_float32(x))
        return image_of(x, clipped=self.clipped and not train)


class Trunk(nn.Module):
    """Images to features: the generator's mirror.

    A change of channels, by a 1×1 convolution, comes after the halving. Features are weighted sums
    over the 4×4 places, each channel with weights of its own.

    Attributes:
        widths: channels of the maps of 4, 8, ... pixels up to the image's.
        group_size, remat: as in `Generator`.
        dtype: as in `Generator`; features are float32 at least.
    """

    widths: Sequence[Units]
    group_size: Units = 16
    remat: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, image: Array, *, train: bool) -> Array:
        """Features [N, F] of images [N, H, W, C] in [0, 1]; F is the first of the widths.

        Raises:
            ValueError: the widths are of images of another size, or do not divide into groups.
        """
        types = _types(self.dtype, _sides(image.shape[1:], self.widths, self.group_size))
        x = _linear(self.widths[-1], dtype=types[-1], name='image')(2 * image - 1)
        for i, dtype in reversed([*enumerate(types)]):
            x = _blocks(self, _cast(x, dtype), i, dtype, train=train)
            if i:
                x = _to_width(halve(x), self.widths[i - 1], f'width_{i}', dtype)
        places = math.prod(x.shape[1:3])
        weights = _basis(self, nn.initializers.normal(places**-0.5), x.shape[1:])
        return jnp.sum(x * weights, axis=(1, 2))


class Logit(nn.Module):
    """The logit, w · φ of features φ; with classes e(y) · W φ, with a vector e for each class.

    There is no bias and no spectral normalisation.

    Attributes:
        num_classes: 0 is unconditional; a label outside 0 ... num_classes - 1 has the logit 0.
        label_size, label_table: as in `Generator`.
    """

    num_classes: Classes = 0
    label_size: Classes = 0
    label_table: LabelTable | None = None

    @nn.compact
    def __call__(self, features: Array, label: Array, *, train: bool) -> dict[str, Array]:
        """{'logit': [N]} from features [N, F] and label [N], not used without classes."""
        given = condition(self, label, features.dtype)
        if given is None:
            return {'logit': _linear(1, name='dense')(features)[:, 0]}
        length = features.shape[-1]
        init = nn.initializers.variance_scaling(1 / length, 'fan_in', 'normal')
        embedded = Dense(length, use_bias=False, kernel_init=init, name='classes')(given)
        return {'logit': jnp.sum(_linear(length, name='dense')(features) * embedded, axis=1)}


def _sides(shape: tuple[int, ...], widths: Sequence[int], group_size: int) -> tuple[int, ...]:
    """The sides of the maps; raises unless widths are of images [H, W, C] and make groups."""
    sides = sides_of(shape, widths, 'R3GAN')
    for channels in widths:
        if 2 * channels % group_size:
            raise ValueError(
                f'{2 * channels} channels, twice a width of {channels}, do not divide into groups '
                f'of {group_size}: change widths or group_size'
            )
    return sides


def _types(dtype: Any, sides: Sequence[int]) -> list[Any]:
    """The type of the layers at each side, the smallest first; None is float32 at least."""
    return [type_at(side, sides[-1], dtype) for side in sides]


def _cast(x: Array, dtype: Any) -> Array:
    return at_least_float32(x) if dtype is None else x.astype(dtype)


def _basis(network: nn.Module, init: nn.initializers.Initializer, shape: Sequence[int]) -> Array:
    """A weight for each place and channel of the smallest map: [1, h, w, c] of shape [h, w, c]."""
    return network.param('basis', init, tuple(shape), jnp.float32)[None]


def _to_width(x: Array, channels: int, name: str, dtype: Any) -> Array:
    """x [N, H, W, C] with so many channels, by a 1×1 convolution where it has others."""
    return x if x.shape[-1] == channels else _linear(channels, dtype=dtype, name=name)(x)


def _blocks(network: Generator | Trunk, x: Array, size: int, dtype: Any, *, train: bool) -> Array:
    """The two blocks of a network at a size, 0 for 4 pixels."""
    count = BLOCKS * len(network.widths)
    for j in range(BLOCKS):
        block = Block(network.group_size, count, dtype, name=f'block_{size}_{j}')
        x = maybe_remat(block, x, train=train, remat=network.remat)
    return x
