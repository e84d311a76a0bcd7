"""StyleGAN2's discriminator: a trunk, and a logit that projects on a mapping of the class."""

import math
from functools import partial
from typing import Annotated, Any, Literal

import jax.numpy as jnp
from flax import linen as nn
from jax import Array, lax

from gan_jax.models.conditions import LabelTable
from gan_jax.models.fir import halve
from gan_jax.models.layers import at_least_float32, is_half, type_at
from gan_jax.models.sizes import channels_at, sides
from gan_jax.models.stylegan2.equalised import EqualConv, EqualDense, activate
from gan_jax.models.stylegan2.generator import ROOT_HALF, Base
from gan_jax.models.stylegan2.mapping import Layers, Mapping, Rate
from gan_jax.models.stylegan2.modulated import clamped
from gan_jax.models.stylegan2.resampled import convolve_halve
from gan_jax.runtime.ranges import Classes, Integer, Units

DECAY = 0.99  # of the average spread, kept at each update of the discriminator


class Trunk(nn.Module):
    """Images to features, which with a `group` depend on the other images of a batch in training.

    Attributes:
        base: channels times side of a map, see `generator.Generator`.
        most: channels of a map at most.
        architecture: 'resnet' or 'orig'.
        group: images of the minibatch standard deviation; 0 leaves the layer out.
        dtype: below float32 it is the type of the maps of the four largest sides but 4, and all
            maps are kept within ±256; the other maps and the features are float32 at least.
    """

    base: Base = 32_768
    most: Units = 512
    architecture: Literal['resnet', 'orig'] = 'resnet'
    group: Annotated[int, Integer(0, 2**16)] = 4
    dtype: Any = None

    @nn.compact
    def __call__(self, image: Array, *, train: bool) -> Array:
        """Features [N, ch(4)] of images [N, H, W, C] in [0, 1].

        Raises:
            ValueError: no layers for images of that size, or the group does not divide N.
        """
        first, *above = sides(image.shape[1:])
        last, clamp = above[-1], is_half(self.dtype)
        channels = partial(channels_at, base=self.base, most=self.most)
        dtype = type_at(last, last, self.dtype)
        x = EqualDense(channels(last), dtype=dtype, name='from_image')(2 * image - 1)
        x = clamped(activate(x), 1.0, clamp)
        for side in reversed(above):
            dtype = type_at(side, last, self.dtype)
            residual, width = self.architecture == 'resnet', (channels(side), channels(side // 2))
            x = DownBlock(*width, residual, clamp, dtype, name=f'block_{side}')(x)
        x = at_least_float32(x)
        if self.group:
            x = Spread(self.group, name='spread')(x, train=train)
        x = clamped(activate(EqualConv(channels(first), name='conv')(x)), 1.0, clamp)
        return activate(EqualDense(channels(first), name='dense')(x.reshape(len(x), -1)))


class DownBlock(nn.Module):
    """The layers of one side: two 3×3 convolutions; the second halves the map.

    Attributes:
        hidden: channels between the convolutions.
        features: channels of the result.
        residual: whether there is a shortcut: the map halved, then a 1×1 convolution without a
            bias; both paths times √½.
        clamp: whether results are kept within ±256.
        dtype: of the maps; None is the type of x.
    """

    hidden: int
    features: int
    residual: bool
    clamp: bool
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[N, H/2, W/2, features] from x [N, H, W, C]."""
        gain = ROOT_HALF if self.residual else 1.0
        y = activate(EqualConv(self.hidden, dtype=self.dtype, name='conv_0')(x))
        y = clamped(y, 1.0, self.clamp)
        y = EqualConv(self.features, convolve_halve, self.dtype, name='conv_1')(y)
        y = clamped(activate(y, gain), gain, self.clamp)
        if not self.residual:
            return y
        shortcut = EqualDense(self.features, bias=None, dtype=self.dtype, name='shortcut')
        return y + gain * shortcut(halve(x))


class Spread(nn.Module):
    """The minibatch standard deviation as one more channel (section 3 of arXiv 1710.10196).

    A batch of N falls into N / group groups, of images N / group apart. The standard deviation of
    each value over a group, and its mean over all values, is one number for the group's images.

    In evaluation an image's features must not depend on others. There it is the average of the
    numbers in training, which the collection 'averages' keeps.

    Attributes:
        group: its images; a smaller batch is one group.
    """

    group: int

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """[N, H, W, C + 1] from x [N, H, W, C].

        Raises:
            ValueError: the group does not divide N.
        """
        average = self.variable('averages', 'spread', jnp.zeros, (), jnp.float32)
        spread = jnp.broadcast_to(average.value.astype(x.dtype), x.shape[:1])
        if train:
            spread = spreads(x, min(self.group, len(x)))
            if not self.is_initializing():
                mean = lax.stop_gradient(spread.mean()).astype(jnp.float32)
                average.value = DECAY * average.value + (1 - DECAY) * mean
        channel = jnp.broadcast_to(spread[:, None, None, None], (*x.shape[:3], 1))
        return jnp.concatenate([x, channel], axis=3)


def spreads(x: Array, group: int) -> Array:
    """The number of each image, [N], of `Spread` in training.

    Raises:
        ValueError: the group does not divide N.
    """
    if len(x) % group:
        raise ValueError(
            f'the minibatch standard deviation is of groups of {group}, which do not divide '
            f'{len(x)} images: change discriminator.group, batch_size or accumulate'
        )
    groups = x.reshape(group, len(x) // group, -1)
    deviation = jnp.sqrt(groups.var(0) + 1e-8)
    return jnp.tile(deviation.mean(1), group)


class Logit(nn.Module):
    """The logit: a dense layer, or with classes <W φ + b, m(y)> / √F, m a mapping of the class.

    Attributes:
        num_classes: 0 is unconditional.
        layers: of the mapping, ADA's 8.
        rate: multiplier of the mapping's learning rate.
        label_size: numbers of a label vector, in the place of classes; 0 without.
        label_table: the data's label vectors.
    """

    num_classes: Classes = 0
    layers: Layers = 8
    rate: Rate = 0.01
    label_size: Classes = 0
    label_table: LabelTable | None = None

    @nn.compact
    def __call__(self, features: Array, label: Array, *, train: bool) -> dict[str, Array]:
        """{'logit': [N]} from features φ [N, F] and label [N], not read without classes."""
        if not (self.num_classes or self.label_size):
            return {'logit': EqualDense(1, name='dense')(features)[:, 0]}
        size = features.shape[-1]
        own = self.label_size, self.label_table
        mapped = Mapping(size, self.layers, self.num_classes, self.rate, *own, name='mapping')
        product = EqualDense(size, name='dense')(features) * mapped(None, label)
        return {'logit': product.sum(1) / math.sqrt(size)}
