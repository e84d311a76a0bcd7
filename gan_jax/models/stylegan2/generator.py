"""StyleGAN2's generator: latents to w, w to images."""

import math
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from gan_jax.keys import named
from gan_jax.models.conditions import LabelTable
from gan_jax.models.fir import double
from gan_jax.models.layers import image_of, is_half, type_at
from gan_jax.models.sizes import channels_at, first_map, sides
from gan_jax.models.stylegan2.equalised import EqualDense
from gan_jax.models.stylegan2.mapping import Layers, Mapping, Rate, average_after, truncated
from gan_jax.models.stylegan2.modulated import StyledConv, ToImage
from gan_jax.runtime.ranges import INT32, Classes, Integer, Number, Units

Base = Annotated[int, Integer(1, 2**24)]
Chance = Annotated[float, Number(0, 1)]
ROOT_HALF = math.sqrt(0.5)


class Generator(nn.Module):
    """Latents and classes to images, with noise from the random stream 'noise'.

    In training images are not kept within [0, 1]: the discriminator sees what the layers give, as
    in the published code, and no pixel loses its gradient. In evaluation they are clipped to it,
    unless `clipped` is False.

    Attributes:
        shape: of one image, (H, W, C); see `sizes.sides`.
        num_classes: 0 is unconditional.
        units: of w.
        layers: of the mapping; the paper's 8, ADA has 2 but in its 'paper' configurations.
        base: channels times side of a map; 32,768, ADA's below 512 pixels half of it, but for
            CIFAR-10.
        most: channels of a map at most.
        architecture: 'skip', 'resnet' or 'orig'.
        mixing: probability of style mixing in a batch of training: layers from a random one on take
            the w of other latents, N(0, 1).
        truncation: psi; in evaluation w is the average w plus psi times the difference from it.
        truncated: the first layers have the truncated w, so many; by default all.
        decay: of the average w, kept at each update of the generator.
        rate: multiplier of the mapping's learning rate.
        clipped: False leaves images as they are in evaluation too, for codes of an autoencoder.
        label_size: numbers of a label vector, in the place of classes; 0 without.
        label_table: the data's label vectors.
        dtype: below float32 it is the type of the maps of the four largest sides but 4, and all
            maps are kept within ±256; the mapping, the other maps and RGB are float32 at least.
    """

    shape: tuple[int, int, int]
    num_classes: Classes = 0
    units: Units = 512
    layers: Layers = 8
    base: Base = 32_768
    most: Units = 512
    architecture: Literal['skip', 'resnet', 'orig'] = 'skip'
    mixing: Chance = 0.0
    truncation: Chance = 1.0
    truncated: Annotated[int, Integer(0, INT32)] = INT32
    decay: Chance = 0.995
    rate: Rate = 0.01
    clipped: bool = True
    label_size: Classes = 0
    label_table: LabelTable | None = None
    dtype: Any = None

    def setup(self):
        """The mapping and the layers from w to images."""
        own = self.label_size, self.label_table
        self.mapping = Mapping(self.units, self.layers, self.num_classes, self.rate, *own)
        self.synthesis = Synthesis(
            self.shape, self.base, self.most, self.architecture, dtype=self.dtype
        )
        self.average = self.variable('averages', 'w', jnp.zeros, (self.units,), jnp.float32)

    def __call__(self, z: Array, label: Array, *, train: bool) -> dict[str, Array]:
        """{'image': [B, H, W, C], 'w': [B, layers of w, units]} from z [B, Z] and label [B].

        A convolution has a w of its own, and so has the last RGB; the other RGB have the next
        block's first. With `train` the collection 'averages' takes the mean w of the batch.

        Raises:
            ValueError: no layers for images of that size.
        """
        first = self.mapping(z, label)
        if train and not self.is_initializing():
            self.average.value = average_after(self.average.value, first, self.decay)
        w = jnp.repeat(first[:, None], number_of_w(self.shape), axis=1)
        if train:
            w = self._mixed(w, label, z)
        else:
            w = truncated(w, self.average.value, self.truncation, self.truncated)
        return {**self.synthesize(w, label, train=train), 'w': w}

    def synthesize(self, w: Array, label: Array, *, train: bool) -> dict[str, Array]:
        """{'image': [B, H, W, C]} from w [B, layers of w, units]; `label` is not used."""
        x = self.synthesis(w)
        return {'image': image_of(x, clipped=self.clipped and not train)}

    def _mixed(self, w: Array, label: Array, z: Array) -> Array:
        """w, with a probability from a random layer on of other latents; one layer for a batch."""
        if not self.mixing:
            return w
        key = self.make_rng('noise')
        other = self.mapping(jax.random.normal(named(key, 'z'), z.shape, z.dtype), label)
        last = w.shape[1]
        cutoff = jax.random.randint(named(key, 'layer'), (), 1, last)
        mixes = jax.random.bernoulli(named(key, 'mixes'), float(self.mixing))
        own = jnp.arange(last) < jnp.where(mixes, cutoff, last)
        return jnp.where(own[None, :, None], w, other[:, None])


def number_of_w(shape: tuple[int, ...]) -> int:
    """The layers that have a w for images [H, W, C]: the convolutions and the last RGB."""
    return 2 * len(sides(shape))


class Synthesis(nn.Module):
    """w to images in [-1, 1] and a little beyond.

    Attributes:
        shape, base, most, architecture, dtype: as in `Generator`.
    """

    shape: tuple[int, int, int]
    base: int
    most: int
    architecture: str
    dtype: Any = None

    @nn.compact
    def __call__(self, w: Array) -> Array:
        """Images [N, H, W, C] from w [N, layers of w, units]."""
        first, *_, last = all_sides = sides(self.shape)
        start = *first_map(self.shape, len(all_sides) - 1), channels_at(first, self.base, self.most)
        constant = self.param('constant', nn.initializers.normal(1.0), start, jnp.float32)
        x = jnp.broadcast_to(constant.astype(w.dtype), (len(w), *constant.shape))
        image, used, clamp = None, 0, is_half(self.dtype)
        for side in all_sides:
            dtype = type_at(side, last, self.dtype)
            block = UpBlock(
                channels_at(side, self.base, self.most),
                first=side == first,
                residual=self.architecture == 'resnet',
                clamp=clamp,
                dtype=dtype,
                name=f'block_{side}',
            )
            x, used = block(x, w[:, used:]), used + (1 if side == first else 2)
            image = None if image is None else double(image)
            if self.architecture == 'skip' or side == last:
                to_image = ToImage(self.shape[2], clamp, dtype, name=f'image_{side}')
                own = to_image(x, w[:, used])
                image = own if image is None else image + own
        return image


class UpBlock(nn.Module):
    """The layers of one side: two modulated convolutions; the first doubles the map.

    Attributes:
        features: channels of the result.
        first: whether the map stays as it is, and only the second convolution is there.
        residual: whether there is a shortcut: a 1×1 convolution without a bias, doubled; both paths
            times √½.
        clamp: whether results are kept within ±256.
        dtype: of the maps; None is the type of x.
    """

    features: int
    first: bool
    residual: bool
    clamp: bool
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        """[N, 2H, 2W, features] from x [N, H, W, C] and w [N, 2 or more, units]; see `first`."""
        options = dict(clamp=self.clamp, dtype=self.dtype)
        if self.first:
            return StyledConv(self.features, name='conv_1', **options)(x, w[:, 0])
        y = StyledConv(self.features, up=True, name='conv_0', **options)(x, w[:, 0])
        if not self.residual:
            return StyledConv(self.features, name='conv_1', **options)(y, w[:, 1])
        y = StyledConv(self.features, gain=ROOT_HALF, name='conv_1', **options)(y, w[:, 1])
        shortcut = EqualDense(self.features, bias=None, dtype=self.dtype, name='shortcut')
        return y + ROOT_HALF * double(shortcut(x))
