"""SN-ResNet (Miyato et al. 2018, tables 4-6) for images of 32, 48, 64 and 128, and others.

The layers follow from the image's size, see `models.sizes`, and are the layers of the SNGAN
authors' code and of mimicry. The generator upsamples by nearest values (mimicry: bilinear). The
discriminator's features are sums over places (compare_gan: means, which makes logits smaller by the
number of places).
Weights start as in the authors' code: Glorot's, and √2 times as large in residual 3×3 convolutions.
Spectral normalisation is everywhere in the discriminator and nowhere in the generator.

    generator:      fn='gan_jax.models.resnet.Generator', num_classes=10   (0: unconditional)
    discriminator:  fn='gan_jax.models.resnet.Trunk'
    logit:          fn='gan_jax.models.critic.ProjectionLogit', num_classes=10, initializer='glorot'
                    (unconditional: '...critic.Logit')

With `up` the generator has channels and sizes of one's own, such as WGAN-GP's, see
`models.wgan_gp`.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from gan_jax.models.blocks import DownBlock, UpBlock
from gan_jax.models.conv import Conv
from gan_jax.models.layers import (
    ConditionalNorm,
    Dense,
    at_least_float32,
    channels,
    initializer,
    maybe_remat,
)
from gan_jax.models.sizes import first_map, side_of
from gan_jax.runtime.ranges import Classes, Units, Width


class Layers(NamedTuple):
    """The blocks for images of one size.

    Attributes:
        up: channels before and after each block of the generator.
        down: channels after each block of the discriminator.
        halvings: the number of the discriminator's blocks that halve the map.
    """

    up: tuple[int, ...]
    down: tuple[int, ...]
    halvings: int


LAYERS = {
    32: Layers((256, 256, 256, 256), (128, 128, 128, 128), 2),
    48: Layers((512, 256, 128, 64), (64, 128, 256, 512, 1024), 4),
    64: Layers((1024, 512, 256, 128, 64), (64, 128, 256, 512, 1024), 5),
    128: Layers((1024, 1024, 512, 256, 128, 64), (64, 128, 256, 512, 1024, 1024), 5),
}
# The numbers that height and width are multiples of.
UP = {side: 1 << len(layers.up) - 1 for side, layers in LAYERS.items()}
DOWN = {side: 1 << layers.halvings for side, layers in LAYERS.items()}
_glorot = initializer('glorot')
_glorot_relu = nn.initializers.variance_scaling(2.0, 'fan_avg', 'uniform')


class Generator(nn.Module):
    """Latents to images: a dense layer and three to five blocks, each twice as large.

    Attributes:
        shape: of one image, (H, W, C).
        width: factor on every number of channels.
        num_classes: 0 is unconditional; with classes the blocks' norms have a gain and a bias for
            each class, which start at 1 and 0.
        up: channels of the 4×4 map and after each block, for images of 4, 8, 16, ... pixels; ()
            takes them from `LAYERS`.
        remat: whether the backward pass computes the inside of each block again instead of keeping
            it: less memory, the same numbers, more time.
        dtype: of the layers; BatchNorm's statistics and the image are float32 at least.
    """

    shape: tuple[int, int, int]
    width: Width = 1.0
    num_classes: Classes = 0
    up: Sequence[Units] = ()
    remat: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, z: Array, label: Array, *, train: bool) -> Array:
        """Images [B, H, W, C] in [0, 1] from z [B, Z] and label [B], not used without classes.

        With `train` BatchNorm takes the statistics of the batch and updates the running ones in
        the collection 'batch_stats' (keeping nine tenths a step); without it BatchNorm takes the
        running ones.

        Raises:
            ValueError: no layers for images of that size.
        """
        if self.up:
            own = {2 << len(self.up): 1 << len(self.up) - 1}
            side_of(self.shape, own, 'SN-ResNet with as many channels in up', 'up or data.size')
            up = self.up
        else:
            up = LAYERS[side_of(self.shape, UP, 'SN-ResNet')].up
        first, *others = channels(self.width, *up)
        height, width = first_map(self.shape, len(others))
        condition = None
        if self.num_classes:
            condition = jax.nn.one_hot(label, self.num_classes, dtype=z.dtype)
        norm = partial(ConditionalNorm, nn.initializers.zeros_init(), dtype=self.dtype)
        block = partial(
            UpBlock,
            norm=norm,
            kernel_init=_glorot_relu,
            shortcut_init=_glorot,
            dtype=self.dtype,
        )
        units = height * width * first
        x = Dense(units, dtype=self.dtype, kernel_init=_glorot, name='dense')(z)
        x = x.reshape(-1, height, width, first)
        for i, features in enumerate(others):
            own = block(features, name=f'block_{i}')
            x = maybe_remat(own, x, condition, train=train, remat=self.remat)
        x = nn.relu(norm(name='norm')(x, None, train=train))
        x = Conv(self.shape[2], (3, 3), dtype=self.dtype, kernel_init=_glorot, name='image')(x)
        return (jnp.tanh(at_least_float32(x)) + 1) / 2


class Trunk(nn.Module):
    """Images to features: four to six residual blocks with spectral normalisation.

    Attributes:
        width: factor on every number of channels.
        normalised: False leaves out the spectral normalisation.
        remat: whether the backward pass computes the inside of each block again instead of keeping
            it: less memory, the same numbers, more time.
        dtype: of the convolutions; spectral norms and features are float32 at least.
    """

    width: Width = 1.0
    normalised: bool = True
    remat: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, image: Array, *, train: bool) -> Array:
        """Features [N, F] of images [N, H, W, C] in [0, 1]: the last map, summed over places.

        With `train` one step of the power iteration is kept in the collection 'batch_stats'.

        Raises:
            ValueError: no layers for images of that size.
        """
        layers = LAYERS[side_of(image.shape[1:], DOWN, 'SN-ResNet')]
        block = partial(
            DownBlock,
            kernel_init=_glorot_relu,
            shortcut_init=_glorot,
            normalised=self.normalised,
            dtype=self.dtype,
        )
        x = 2 * image - 1
        for i, features in enumerate(channels(self.width, *layers.down)):
            own = block(
                features,
                hidden=features if i == 0 else x.shape[-1],
                down=i < layers.halvings,
                first=i == 0,
                name=f'block_{i}',
            )
            x = maybe_remat(own, x, train=train, remat=self.remat)
        return at_least_float32(nn.relu(x)).sum((1, 2))  # [N, F]
