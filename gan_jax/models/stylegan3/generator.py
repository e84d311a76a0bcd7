"""StyleGAN3's generator: latents to w, w to images."""

from typing import Annotated, Any

import jax.numpy as jnp
from flax import linen as nn
from jax import Array, lax

from gan_jax.models.conditions import LabelTable
from gan_jax.models.layers import (
    add_bias,
    at_least_float32,
    cast,
    image_of,
    is_half,
    type_at,
)
from gan_jax.models.sizes import square
from gan_jax.models.stylegan2.equalised import EqualDense
from gan_jax.models.stylegan2.generator import Base, Chance
from gan_jax.models.stylegan2.mapping import Layers, Mapping, Rate, average_after, truncated
from gan_jax.models.stylegan2.modulated import ToImage, modulated
from gan_jax.models.stylegan3.bands import LOWEST, Band, bands
from gan_jax.models.stylegan3.resampled import continuous_activate
from gan_jax.models.stylegan3.waves import Waves
from gan_jax.runtime.ranges import INT32, Classes, Integer, Units

SIDES = tuple(2**n for n in range(3, 11))  # of images
Depth = Annotated[int, Integer(LOWEST, 64)]
SCALE = 0.25  # of the image


class Generator(nn.Module):
    """Latents and classes to images that follow a shift of their input.

    As in StyleGAN2's `Generator`, images are clipped to [0, 1] in evaluation alone, and not there
    if `clipped` is False.

    Attributes:
        shape: of one image, (H, W, C); H = W is 8, 16, ..., 1024.
        num_classes: 0 is unconditional.
        units: of w.
        layers: of the mapping.
        depth: layers between the input and the image.
        base: channels of a map times twice its highest frequency, see `bands`.
        most: channels of a map at most.
        truncation: psi; in evaluation w is the average w plus psi times the difference from it.
        truncated: the first layers have the truncated w, so many; by default all.
        decay: of the average w, kept at each update of the generator.
        magnitude_decay: of the mean squares of the layers' inputs; the published code has a
            half-life of 20,000 images, 0.5 ** (batch / 20000).
        rate: multiplier of the mapping's learning rate.
        clipped: False leaves images as they are in evaluation too, for codes of an autoencoder.
        label_size: numbers of a label vector, in the place of classes; 0 without.
        label_table: the data's label vectors.
        dtype: below float32 it is the type of the maps of the four largest rates but 4, and
            activations are kept within ±256; the mapping, the input, the other maps and RGB are
            float32 at least, and so are the sums of resampling.
    """

    shape: tuple[int, int, int]
    num_classes: Classes = 0
    units: Units = 512
    layers: Layers = 2
    depth: Depth = 14
    base: Base = 32_768
    most: Units = 512
    truncation: Chance = 1.0
    truncated: Annotated[int, Integer(0, INT32)] = INT32
    decay: Chance = 0.998
    magnitude_decay: Chance = 0.999
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
            self.shape, self.depth, self.base, self.most, self.magnitude_decay, self.dtype
        )
        self.average = self.variable('averages', 'w', jnp.zeros, (self.units,), jnp.float32)

    def __call__(self, z: Array, label: Array, *, train: bool) -> dict[str, Array]:
        """{'image': [B, H, W, C], 'w': [B, depth + 2, units]} from z [B, Z] and label [B].

        The input, every layer and the last convolution have a w. With `train` the collection
        'averages' takes the mean w of the batch, and the mean squares of the layers' inputs.

        Raises:
            ValueError: no layers for images of that size.
        """
        first = self.mapping(z, label)
        if train and not self.is_initializing():
            self.average.value = average_after(self.average.value, first, self.decay)
        w = jnp.repeat(first[:, None], self.depth + 2, axis=1)
        if not train:
            w = truncated(w, self.average.value, self.truncation, self.truncated)
        return {**self.synthesize(w, label, train=train), 'w': w}

    def synthesize(
        self, w: Array, label: Array, *, train: bool, shift: Array | None = None
    ) -> dict[str, Array]:
        """{'image': [B, H, W, C]} from w [B, depth + 2, units]; `label` is not used.

        Args:
            w: of the input, the layers and the image.
            label: [B].
            train: as in `__call__`.
            shift: [B, 2], of what the images show, along a row and along a column, in sides of the
                image; None is 0.
        """
        shift = jnp.zeros((len(w), 2), w.dtype) if shift is None else shift
        x = self.synthesis(w, shift, train=train)
        return {'image': image_of(x, clipped=self.clipped and not train)}


class Synthesis(nn.Module):
    """w to images in [-1, 1] and a little beyond.

    Attributes:
        shape, depth, base, most, magnitude_decay, dtype: as in `Generator`.
    """

    shape: tuple[int, int, int]
    depth: int
    base: int
    most: int
    magnitude_decay: float
    dtype: Any = None

    @nn.compact
    def __call__(self, w: Array, shift: Array, *, train: bool) -> Array:
        """Images [N, H, W, C] from w [N, depth + 2, units] and shift [N, 2]."""
        side = square(self.shape, SIDES, 'StyleGAN3')
        *maps, image = bands(side, self.shape[2], self.base, self.most, self.depth)
        x, clamp = Waves(maps[0], name='input')(w[:, 0], shift), is_half(self.dtype)
        for i, (source, target) in enumerate(zip([maps[0], *maps], maps, strict=False)):
            dtype = type_at(target.rate, side, self.dtype)
            x = self._normal(x, f'magnitude_{i}', train)
            x = FilteredConv(source, target, clamp, dtype, name=f'layer_{i}')(x, w[:, i + 1])
        x = self._normal(x, 'magnitude_image', train)
        dtype = type_at(image.rate, side, self.dtype)
        return SCALE * ToImage(image.channels, clamp, dtype, name='image')(x, w[:, -1])

    def _normal(self, x: Array, name: str, train: bool) -> Array:
        """x over the root of the average of its mean square, with this batch in it in training."""
        average = self.variable('averages', name, jnp.ones, (), jnp.float32)
        if train and not self.is_initializing():
            square_ = lax.stop_gradient(jnp.square(at_least_float32(x)).mean())
            decay = self.magnitude_decay
            average.value = decay * average.value + (1 - decay) * square_.astype(jnp.float32)
        return x * lax.rsqrt(average.value).astype(x.dtype)


class FilteredConv(nn.Module):
    """A modulated 3×3 convolution, a bias, and a leaky ReLU of the continuous signal.

    Attributes:
        source: band of the map.
        target: band of the result.
        clamp: whether activations are kept within ±256.
        dtype: of the maps; None is the type of x.
    """

    source: Band
    target: Band
    clamp: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        """The map of the target's side and channels from x [N, H, H, C] and w [N, W]."""
        x = cast(x, self.dtype)
        style = EqualDense(x.shape[-1], bias=1.0, name='style')(w)
        shape = (3, 3, x.shape[-1], self.target.channels)
        kernel = self.param('kernel', nn.initializers.normal(1.0), shape, jnp.float32)
        x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))  # the result reaches beyond the border
        x = modulated(x, kernel, style)
        bias = self.param('bias', nn.initializers.zeros_init(), shape[-1:], jnp.float32)
        return continuous_activate(add_bias(x, bias), self.source, self.target, self.clamp)
