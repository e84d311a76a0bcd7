"""SNDCGAN (Miyato et al. 2018, table 3), as the papers on consistency regularisation train it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from gan_jax.models.conv import Conv, ConvTranspose
from gan_jax.models.layers import (
    ConditionalNorm,
    Dense,
    at_least_float32,
    channels,
    initializer,
)
from gan_jax.models.spectral import maybe_spectral
from gan_jax.runtime.ranges import Classes, Width

_init = initializer('normal')


class Generator(nn.Module):
    """Latents, and classes if any, to images: a dense layer and four transposed convolutions.

    Layers before a BatchNorm, which would subtract it, have no bias; the paper's have one. The
    paper's network is unconditional; with classes every BatchNorm has a gain and a bias for each
    class, see `layers.ConditionalNorm`.

    Attributes:
        shape: of one image, (H, W, C); H and W are multiples of 8.
        width: factor on every number of channels (512, 256, 128, 64).
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
        the collection 'batch_stats'; without it BatchNorm takes the running ones.

        Raises:
            ValueError: H or W is not a multiple of 8.
        """
        height, width, colours = self.shape
        if height % 8 or width % 8:
            raise ValueError(
                f'SNDCGAN makes images with sides in multiples of 8, not {height}x{width}: change '
                'data.size'
            )
        first, *others = channels(self.width, 512, 256, 128, 64)
        norm = self._norm(z, label, train)
        options = dict(dtype=self.dtype, kernel_init=_init)

        units = height // 8 * (width // 8) * first
        x = Dense(units, use_bias=False, name='dense', **options)(z)
        # The first BatchNorm has a mean for each unit of the flat vector, not for each channel.
        x = nn.relu(norm('norm_0', x)).reshape(-1, height // 8, width // 8, first)
        for i, features in enumerate(others, 1):
            up = ConvTranspose(features, (4, 4), (2, 2), use_bias=False, name=f'up_{i}', **options)
            x = up(x)
            x = nn.relu(norm(f'norm_{i}', x))
        x = ConvTranspose(colours, (3, 3), name='image', **options)(x)
        return (jnp.tanh(at_least_float32(x)) + 1) / 2

    def _norm(self, z: Array, label: Array, train: bool) -> Callable[[str, Array], Array]:
        """The function (name, x [B, ..., C]) -> x normalised, given the class if there are any."""
        if not self.num_classes:
            norm = partial(nn.BatchNorm, not train, momentum=0.9, epsilon=1e-5, dtype=self.dtype)
            return lambda name, x: norm(name=name)(x)
        condition = jax.nn.one_hot(label, self.num_classes, dtype=z.dtype)
        norm = partial(ConditionalNorm, nn.initializers.zeros_init(), dtype=self.dtype)

        def normalised(name: str, x: Array) -> Array:
            maps = x[:, None, None] if x.ndim == 2 else x
            return norm(name=name)(maps, condition, train=train).reshape(x.shape)

        return normalised


class Trunk(nn.Module):
    """Images to features: seven convolutions with spectral normalisation.

    Attributes:
        width: factor on every number of channels (64, 128, 128, 256, 256, 512, 512).
        normalised: False leaves out the spectral normalisation.
        dtype: of the convolutions; spectral norms and features are float32 at least.
    """

    width: Width = 1.0
    normalised: bool = True
    dtype: Any = None

    @nn.compact
    def __call__(self, image: Array, *, train: bool) -> Array:
        """Features [N, F] of images [N, H, W, C] in [0, 1]: the last map [N, H/8, W/8, 512], flat.

        With `train` one step of the power iteration is kept in the collection 'batch_stats'.
        """
        call = maybe_spectral(self.normalised, train=train)
        x = 2 * image - 1
        for i, features in enumerate(channels(self.width, 64, 128, 128, 256, 256, 512, 512)):
            kernel, stride = ((4, 4), (2, 2)) if i % 2 else ((3, 3), (1, 1))
            conv = Conv(
                features, kernel, stride, dtype=self.dtype, kernel_init=_init, name=f'conv_{i}'
            )
            x = nn.leaky_relu(call(conv, x), 0.1)
        return at_least_float32(x).reshape(x.shape[0], -1)  # [N, F]
