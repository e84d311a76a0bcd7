"""DCGAN (Radford et al. 2015, arXiv 1511.06434) for images of 16 to 128 pixels.

Maps double from 4×4 to the image, and halve back to 4×4, by 5×5 convolutions of stride 2; for what
are no squares see `models.sizes`. A map of s pixels has 32 H / s channels in images of H pixels: 64
below the image, twice as many at half the size. At 64 pixels that is compare_gan's DCGAN; the
paper's figure 1 has twice the channels in the generator (`width=2`). BatchNorm is everywhere but at
the image and in the last layer.

In training BatchNorm in the discriminator looks across the batch, and reals and fakes have passes
of their own, as in the paper: `config.joint` has to be False. Then the running statistics, by which
D is evaluated, come from the first pass: at reals, or at fakes where a penalty reads the gradient
at reals.

    generator:      fn='gan_jax.models.dcgan.Generator', num_classes=10   (0: unconditional)
    discriminator:  fn='gan_jax.models.dcgan.Trunk'
    logit:          fn='gan_jax.models.critic.Logit', normalised=False
                    (with classes: 'gan_jax.models.cgan.ConcatLogit', num_classes=10)

Authors' training: batch 128, Adam with 2e-4 and β (0.5, 0.999), the logistic loss.
"""

from functools import partial
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from gan_jax.models.cgan import with_classes
from gan_jax.models.conv import Conv, ConvTranspose
from gan_jax.models.layers import Dense, at_least_float32, channels, initializer
from gan_jax.models.sizes import first_map, sides
from gan_jax.runtime.ranges import Classes, Width

LEAST, MOST = 16, 128  # sides of the smallest and the largest square
_init = initializer('normal')


class Generator(nn.Module):
    """Latents, and classes if any, to images: a dense layer and transposed convolutions.

    Layers before a BatchNorm, which would subtract it, have no bias; the paper's have one. The
    paper's network is unconditional; with classes the dense layer reads the class beside z.

    Attributes:
        shape: of one image, (H, W, C).
        width: factor on every number of channels.
        num_classes: 0 is unconditional.
        dtype: of the layers; BatchNorm's statistics and the image are float32 at least.
    """

    shape: tuple[int, int, int]
    width: Width = 1.0
    num_classes: Classes = 0
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
        first, *others = _channels(self.shape, self.width)
        norm = _norm(train, self.dtype)
        options = dict(dtype=self.dtype, kernel_init=_init)
        z = with_classes(z, label, self.num_classes)
        height, width = first_map(self.shape, len(others) + 1)
        x = Dense(height * width * first, use_bias=False, name='dense', **options)(z)
        x = nn.relu(norm(name='norm_0')(x.reshape(-1, height, width, first)))
        up = partial(ConvTranspose, kernel_size=(5, 5), strides=(2, 2), **options)
        for i, features in enumerate(others, 1):
            x = up(features, use_bias=False, name=f'up_{i}')(x)
            x = nn.relu(norm(name=f'norm_{i}')(x))
        x = up(self.shape[2], name='image')(x)
        return (jnp.tanh(at_least_float32(x)) + 1) / 2


class Trunk(nn.Module):
    """Images to features: convolutions of stride 2 with leaky ReLUs of slope 0.2.

    Attributes:
        width: factor on every number of channels.
        normalised: False leaves out BatchNorm, as the penalties of the gradient of one image ask.
        dtype: of the layers; BatchNorm's statistics and the features are float32 at least.
    """

    width: Width = 1.0
    normalised: bool = True
    dtype: Any = None

    @nn.compact
    def __call__(self, image: Array, *, train: bool) -> Array:
        """Features [N, F] of images [N, H, W, C] in [0, 1]: the last map, such as
        [N, 4, 4, C'], flat.

        With `train` BatchNorm takes the statistics of the batch, as in `Generator`.

        Raises:
            ValueError: no layers for images of that size.
        """
        x, norm = 2 * image - 1, _norm(train, self.dtype)
        for i, features in enumerate(reversed(_channels(image.shape[1:], self.width))):
            normalised = self.normalised and i > 0
            options = dict(use_bias=not normalised, dtype=self.dtype, kernel_init=_init)
            x = Conv(features, (5, 5), (2, 2), name=f'conv_{i}', **options)(x)
            x = nn.leaky_relu(norm(name=f'norm_{i}')(x) if normalised else x, 0.2)
        return at_least_float32(x).reshape(len(x), -1)


def _channels(shape: tuple[int, ...], width: float) -> list[int]:
    """The channels of the maps of 4, 8, ... and H / 2 pixels for images [H, W, C]."""
    *maps, last = sides(shape, 'DCGAN', least=LEAST, most=MOST)
    return channels(width, *(32 * last // side for side in maps))


def _norm(train: bool, dtype: Any) -> partial[nn.BatchNorm]:
    return partial(nn.BatchNorm, not train, momentum=0.9, epsilon=1e-5, dtype=dtype)
