"""BigGAN-deep (Brock et al. 2018, arXiv 1809.11096, appendix B) for images of 8, 16, 32, ... px.

Two blocks with a bottleneck at every size, and shortcuts that keep what they pass: the generator's
drop channels, the discriminator's add some. Latents are not cut; every norm of the generator is
told class and latents. The discriminator's features are sums over places, as in compare_gan's code,
whose text says means. Parameters of the published G / D with latents of 128 numbers and
`ProjectionLogit`; ours are the same, but that G lacks the biases before norms, see
docs/differences.md, Biases (at 128 px it has 50,235,652):

    128 px, 1,000 classes: attention=64,
        widths=(2048, 2048, 1024, 512, 256, 128)                          50,244,484 / 34,590,210
    256 px, 1,000 classes: attention=64,
        widths=(2048, 2048, 1024, 1024, 512, 256, 128)                    55,736,708 / 38,247,426
    64 px, 1,000 classes: Generator(attention=64), Trunk(attention=32),
        widths=(2048, 1024, 512, 256, 128)                                32,874,372 / 20,951,554
    32 px, ten classes: Trunk(smallest=8), widths=(512, 512, 512, 512)      7,435,267 / 2,581,249

G and D take the same widths. 128 and 256 px are the paper's; 64 and 32 px are StudioGAN's, and
other codes have other widths there. The logit's block is
fn='gan_jax.models.critic.ProjectionLogit', num_classes=1000, initializer='orthogonal'.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from gan_jax.models.conv import Conv, DownDense, UpConv
from gan_jax.models.layers import (
    ConditionalNorm,
    Dense,
    Initializer,
    SelfAttention,
    at_least_float32,
    average_pool,
    initializer,
    maybe_remat,
    upsample_nearest,
)
from gan_jax.models.sizes import first_map, sides_of
from gan_jax.models.spectral import maybe_spectral, spectral
from gan_jax.runtime.ranges import Classes, Integer, Units

NARROWING = 4  # times fewer channels inside a block than at its wider end

Side = Annotated[int, Integer(0, 2**16)]  # of a map; 0 for none


class UpBottleneck(nn.Module):
    """A generator's block: a shortcut, plus four layers with a quarter of x's channels between.

    norm, ReLU, 1×1, norm, ReLU, twice the size (nearest) where `up`, 3×3, norm, ReLU, 3×3, norm,
    ReLU, 1×1, all with spectral normalisation. The shortcut has no weights: it is the first of x's
    channels, at the size of the result. A convolution before a norm has no bias, since the norm
    would subtract it; in the published codes it has one.

    Attributes:
        features: channels of the result, at most x's.
        norm: name -> a module (x, condition, *, train) -> x, such as `ConditionalNorm`.
        kernel_init: of all kernels.
        up: whether the map becomes twice as large.
        dtype: of the convolutions.
    """

    features: int
    norm: Callable[..., nn.Module]
    kernel_init: nn.initializers.Initializer
    up: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, condition: Array, *, train: bool) -> Array:
        """[N, H', W', features] from x [N, H, W, C] and the norms' condition [N, K]."""
        hidden = max(1, x.shape[-1] // NARROWING)
        options = dict(dtype=self.dtype, kernel_init=self.kernel_init)
        inner, square = dict(use_bias=False, **options), (3, 3)
        layers = (
            Dense(hidden, name='conv_0', **inner),
            (UpConv if self.up else Conv)(hidden, square, name='conv_1', **inner),
            Conv(hidden, square, name='conv_2', **inner),
            Dense(self.features, name='conv_3', **options),
        )
        y = x
        for i, layer in enumerate(layers):
            y = nn.relu(self.norm(name=f'norm_{i}')(y, condition, train=train))
            y = spectral(layer, y, train=train)
        kept = x[..., : self.features]
        return y + (upsample_nearest(kept) if self.up else kept)


class DownBottleneck(nn.Module):
    """A discriminator's block: a shortcut, plus four layers with a quarter of the channels between.

    ReLU, 1×1, ReLU, 3×3, ReLU, 3×3, ReLU, half the size (means) where `down`, 1×1. The shortcut is
    x at the size of the result, and a 1×1 convolution of it makes the channels that x lacks.

    Attributes:
        features: channels of the result, at least x's.
        kernel_init: of all kernels.
        down: whether the map is half as large.
        normalised: False leaves out the spectral normalisation.
        dtype: of the convolutions.
    """

    features: int
    kernel_init: nn.initializers.Initializer
    down: bool = False
    normalised: bool = True
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """[N, H', W', features] from x [N, H, W, C]; sides are halved where `down`."""
        call = maybe_spectral(self.normalised, train=train)
        hidden = max(1, self.features // NARROWING)
        options = dict(dtype=self.dtype, kernel_init=self.kernel_init)
        layers = (
            Dense(hidden, name='conv_0', **options),
            Conv(hidden, (3, 3), name='conv_1', **options),
            Conv(hidden, (3, 3), name='conv_2', **options),
            (DownDense if self.down else Dense)(self.features, name='conv_3', **options),
        )
        y = x
        for layer in layers:
            y = call(layer, nn.relu(y))
        x = average_pool(x) if self.down else x
        if lacking := self.features - x.shape[-1]:
            more = call(Dense(lacking, name='shortcut', **options), x)
            x = jnp.concatenate([x, more], axis=-1)
        return y + x


class Generator(nn.Module):
    """Latents and classes to images, with spectral normalisation everywhere but in the classes.

    The gains and biases of a block's norms are linear in the vector [class, z], and so is the first
    map. At each size but the last a block that keeps everything is followed by one that doubles
    the map.

    Attributes:
        shape: of one image, (H, W, C).
        widths: channels of the maps of 4, 8, ... and H pixels, which do not grow.
        num_classes: 0 is unconditional, with norms that are told z alone.
        shared: length of the embedding of classes that all norms share.
        attention: side of the map that has self-attention, of 8 ... H pixels, see `sizes`; 0 for
            none.
        initializer: 'orthogonal', 'normal' or 'glorot', see `layers.initializer`.
        remat: whether the backward pass computes the inside of each block again instead of keeping
            it: less memory, the same numbers, more time.
        dtype: of the layers; BatchNorm's statistics and the image are float32 at least.
    """

    shape: tuple[int, int, int]
    widths: Sequence[Units]
    num_classes: Classes = 0
    shared: Units = 128
    attention: Side = 0
    initializer: Initializer = 'orthogonal'
    remat: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, z: Array, label: Array, *, train: bool) -> Array:
        """Images [B, H, W, C] in [0, 1] from z [B, Z] and label [B], not used without classes.

        With `train` BatchNorm takes the statistics of the batch and updates the running ones in
        the collection 'batch_stats' (keeping nine tenths a step), and so does spectral
        normalisation with its vectors; without it they stay.

        Raises:
            ValueError: the widths are of images of another size, or grow, no map has the side of
                the attention, or no such initialiser.
        """
        _, *sides = _sides(self.shape, self.widths)
        _check(self.attention, sides)
        options = dict(dtype=self.dtype, kernel_init=initializer(self.initializer))
        call = partial(maybe_remat, train=train, remat=self.remat)
        norm = partial(ConditionalNorm, normalised=True, **options)
        block = partial(UpBottleneck, norm=norm, **options)
        condition = z
        if self.num_classes:
            y = jax.nn.one_hot(label, self.num_classes, dtype=z.dtype)
            y = nn.Dense(self.shared, use_bias=False, name='classes', **options)(y)
            # Latents are float32, also where labels are embedded in bfloat16.
            condition = jnp.concatenate([at_least_float32(y), z], axis=1)
        height, width = first_map(self.shape, len(sides))
        dense = Dense(height * width * self.widths[0], name='dense', **options)
        x = spectral(dense, condition, train=train).reshape(-1, height, width, self.widths[0])
        for i, (side, features) in enumerate(zip(sides, self.widths[1:], strict=True)):
            x = call(block(x.shape[-1], name=f'block_{2 * i}'), x, condition)
            x = call(block(features, up=True, name=f'block_{2 * i + 1}'), x, condition)
            if side == self.attention:
                x = call(SelfAttention(name='attention', **options), x)
        x = nn.relu(norm(name='norm')(x, None, train=train))
        x = spectral(Conv(self.shape[2], (3, 3), name='image', **options), x, train=train)
        return (jnp.tanh(at_least_float32(x)) + 1) / 2


class Trunk(nn.Module):
    """Images to features: the generator's mirror, with spectral normalisation.

    At each size but the first a block that halves the map is followed by one that keeps it.

    Attributes:
        widths: channels of the maps of 4, 8, ... pixels up to the image's, which do not grow.
        smallest: no map is smaller: blocks that would halve it keep the size. StudioGAN's networks
            for 32 pixels have 8.
        attention: side of the map that has self-attention, at most half the image's; 0 for none.
        initializer: 'orthogonal', 'normal' or 'glorot', see `layers.initializer`.
        normalised: False leaves out the spectral normalisation.
        remat: whether the backward pass computes the inside of each block again instead of keeping
            it: less memory, the same numbers, more time.
        dtype: of the convolutions; spectral norms and features are float32 at least.
    """

    widths: Sequence[Units]
    smallest: Units = 4
    attention: Side = 0
    initializer: Initializer = 'orthogonal'
    normalised: bool = True
    remat: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, image: Array, *, train: bool) -> Array:
        """Features [N, F] of images [N, H, W, C] in [0, 1]: the last map, summed over places.

        With `train` one step of the power iteration is kept in the collection 'batch_stats'.

        Raises:
            ValueError: the widths are of images of another size, or grow, no map has the side of
                the attention, or no such initialiser.
        """
        *sides, _ = _sides(image.shape[1:], self.widths)
        _check(self.attention, [side for side in sides if side >= self.smallest])
        options = dict(dtype=self.dtype, kernel_init=initializer(self.initializer))
        conv = Conv(self.widths[-1], (3, 3), name='image', **options)
        x = maybe_spectral(self.normalised, train=train)(conv, 2 * image - 1)
        options['normalised'] = self.normalised
        call = partial(maybe_remat, train=train, remat=self.remat)
        side = sides[-1] * 2
        for i, features in enumerate(self.widths[-2::-1]):
            down = side >= 2 * self.smallest
            side = side // 2 if down else side
            x = call(DownBottleneck(features, down=down, name=f'block_{2 * i}', **options), x)
            x = call(DownBottleneck(features, name=f'block_{2 * i + 1}', **options), x)
            if down and side == self.attention:
                x = call(SelfAttention(name='attention', **options), x)
        return at_least_float32(nn.relu(x)).sum((1, 2))  # [N, F]


def _sides(shape: tuple[int, ...], widths: Sequence[int]) -> tuple[int, ...]:
    """The sides of the maps; raises unless widths are of images [H, W, C] and do not grow."""
    sides = sides_of(shape, widths, 'BigGAN-deep')
    if any(one < larger for one, larger in pairwise(widths)):
        raise ValueError(
            f'the shortcuts of BigGAN-deep drop channels from a size to the next larger one, and '
            f'widths of {", ".join(map(str, widths))} grow: give widths that do not'
        )
    return sides


def _check(attention: int, sides: Sequence[int]) -> None:
    """Raises unless attention is 0 or the side of a map that it can follow."""
    if attention and attention not in sides:
        known = ', '.join(map(str, (0, *sides)))
        raise ValueError(
            f'self-attention follows a map of {known} pixels (0 for none), not {attention}: '
            'change attention'
        )
